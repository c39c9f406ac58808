"""Models from elsewhere, read without the framework that wrote them."""
