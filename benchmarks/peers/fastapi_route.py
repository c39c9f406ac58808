"""What a user writes without `headstart serve`: one async route of FastAPI on uvicorn, one worker, one text a request.

python benchmarks/peers/fastapi_route.py MODEL PORT
"""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

import headstart as hs

model = hs.load(sys.argv[1])
names = [str(name) for name in model.predictor_.label_names]
app = FastAPI()


class Review(BaseModel):
    """A text."""

    text: str


@app.post("/predict")
async def predict(review: Review) -> dict[str, object]:
    """Return the label and its probabilities."""
    probabilities = model.predict_proba([review.text])[0]
    each = {f"probability_{name}": float(value) for name, value in zip(names, probabilities, strict=True)}
    return {"prediction": names[int(probabilities.argmax())], **each}


@app.get("/ready")
async def ready() -> dict[str, str]:
    """Answer when it answers."""
    return {"status": "ready"}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="warning", access_log=False)
