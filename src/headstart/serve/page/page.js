"use strict";
// Everything that comes from a model or a person enters the page by textContent, so none of it is ever markup.
const MOST_SHOWN = 20;
const $ = (id) => document.getElementById(id);
let models = [];

const make = (name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};
const show = (id, on) => { $(id).hidden = !on; };
const headers = (more) => {
  const token = $("token").value.trim();
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
};

async function asked(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached. Is it still running?");
  }
  if (response.status === 401) show("locked", true);
  let body = {};
  try { body = await response.json(); } catch { /* no JSON: the status says it */ }
  if (!response.ok) throw new Error(body.error || `The server answered with status ${response.status}.`);
  return { body, model: response.headers.get("Headstart-Model") };
}

function complain(error) {
  $("fault").textContent = error ? error.message : "";
  show("fault", Boolean(error));
  if (error) show("answer", false);
}

// "title,body" names two columns of texts; a name that holds a comma or a quotation mark stands in quotation marks.
function textNames(column) {
  const names = [];
  for (const [, quoted, plain] of column.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)) {
    const name = quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"');
    if (name) names.push(name);
  }
  return names;
}

function field(parent, kind, name, label) {
  const wrapper = make("p", undefined, "field");
  const caption = make("label", label);
  const input = make(kind);
  input.id = caption.htmlFor = `${kind}-${name}`;
  input.dataset.name = name;
  wrapper.append(caption, input);
  parent.append(wrapper);
}

const chosen = () => models.find((one) => `${one.name}@${one.hash}` === $("model").value) || models[0];

function describe() {
  const model = chosen();
  $("name").textContent = model.name;
  document.title = `${model.name} – Headstart`;
  const kinds = { binary: "one of two labels", multiclass: "one of several labels", multilabel: "any number of labels", ordinal: "one of several ordered labels", regression: "a number" };
  const labels = model.labels.length && model.labels.length <= 8 ? `: ${model.labels.join(", ")}` : "";
  const about = model.card && model.card.description;
  $("about").textContent = about || `Type a text and see what the model says of it: ${kinds[model.task]}${labels}.`;
  $("texts").replaceChildren();
  const names = textNames(model.text);
  for (const name of names) field($("texts"), "textarea", name, names.length > 1 ? name : "Text");
  const legend = $("columns").firstElementChild;
  $("columns").replaceChildren(legend);
  for (const name of model.columns) field($("columns"), "input", name, name);
  show("columns", model.columns.length > 0);
}

async function start() {
  try {
    models = (await asked("models", { headers: headers({}) })).body.models;
  } catch (error) {
    complain(error);
    return;
  }
  complain(null);
  $("model").replaceChildren(...models.map((one) => {
    const option = make("option", `${one.name} (${one.hash.slice(0, 8)})`);
    option.value = `${one.name}@${one.hash}`;
    return option;
  }));
  show("choose", models.length > 1);
  describe();
}

function written(value) {
  if (value === null) return "no prediction: the model is not sure enough";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "none of the labels";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}

function tell(answer, model, milliseconds) {
  $("prediction").textContent = written(answer.prediction);
  const more = [];
  if (answer.label_set) more.push(`Labels that cannot be ruled out: ${answer.label_set.join(", ") || "none fits"}.`);
  if ("low" in answer) more.push(`Between ${written(answer.low)} and ${written(answer.high)}.`);
  $("more").textContent = more.join(" ");
  show("more", more.length > 0);
  const rows = Object.entries(answer).filter(([name]) => name.startsWith("probability_"))
    .map(([name, value]) => ({ name: name.slice("probability_".length), value }));
  if (rows.length > 2) rows.sort((one, other) => other.value - one.value);
  const predicted = new Set([answer.prediction].flat());
  $("probabilities").tBodies[0].replaceChildren(...rows.slice(0, MOST_SHOWN).map(({ name, value }) => {
    const row = make("tr", undefined, predicted.has(name) ? "chosen" : "");
    const head = make("th", name);
    head.scope = "row";
    const bar = make("span", undefined, "bar");
    bar.style.width = `${100 * value}%`;
    const cell = make("td");
    cell.append(bar);
    row.append(head, cell, make("td", `${(100 * value).toFixed(1)}%`));
    return row;
  }));
  show("probabilities", rows.length > 0);
  const words = answer.words || [];
  $("words").lastElementChild.replaceChildren(...words.map(([word, weight]) => make("li", `${word} ${weight > 0 ? "+" : "−"}${Math.abs(weight).toFixed(2)}`)));
  show("words", words.length > 0);
  $("made").textContent = `${model || ""} · ${Math.round(milliseconds)} ms${rows.length > MOST_SHOWN ? ` · the ${MOST_SHOWN} likeliest of ${rows.length} labels` : ""}`;
  show("answer", true);
}

async function score(event) {
  if (event) event.preventDefault();
  if (!models.length) await start();
  if (!models.length) return;
  const model = chosen();
  const row = {};
  for (const input of document.querySelectorAll("[data-name]")) {
    row[input.dataset.name] = input.tagName === "INPUT" && input.value.trim() === "" ? null : input.value;
  }
  $("send").disabled = true;
  $("result").setAttribute("aria-busy", "true");
  const began = performance.now();
  try {
    const found = await asked(`models/${encodeURIComponent(`${model.name}@${model.hash}`)}/predict`, {
      method: "POST",
      headers: headers({ "Content-Type": "application/json" }),
      body: JSON.stringify({ rows: [row] }),
    });
    complain(null);
    tell(found.body.rows[0], found.model, performance.now() - began);
  } catch (error) {
    complain(error);
  } finally {
    $("send").disabled = false;
    $("result").setAttribute("aria-busy", "false");
  }
}

$("form").addEventListener("submit", score);
$("form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) score(event);
});
$("model").addEventListener("change", () => { describe(); show("answer", false); });
$("token").addEventListener("change", () => { if (!models.length) start(); });
start();
