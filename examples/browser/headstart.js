// Scores texts in the browser with a folder that `headstart export onnx` wrote: `Reader` makes the graph's inputs of texts, as
// score.py does, and `Model` runs the graph with onnxruntime-web. The format of reader.json is described in docs/deploy.md.

const UNKNOWN = 1;
const FIRST_WORD = 2;
const ID_BITS = 21;

/** Texts to the inputs of the graph, as reader.json says. */
export class Reader {
  constructor(spec) {
    this.spec = spec;
    this.steps = spec.steps.map(step);
    this.places = new Map(spec.vocabulary.map((word, place) => [word, place]));
    const kept = (spec.kept ?? []).map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
    this.kept = kept.length ? new RegExp(kept.join("|"), "gu") : null;
    this.ngrams = Object.entries(spec.ngrams).map(([name, stored]) => [name, new Ngrams(stored)]);
  }

  /** Return the tokens of a text. */
  tokens(text) {
    return this.steps.reduce((value, next) => next(value), text.replace(/\p{Surrogate}/gu, "\ufffd"));
  }

  /** Return the ids of a text: 0 is padding, 1 unknown; a long text is cut. */
  ids(text) {
    const { spec, places } = this;
    const whole = text ?? spec.fill;
    let found = [];
    if (spec.kind === "words") {
      found = this.tokens(whole).map((token) => places.get(token) ?? UNKNOWN);
    } else {
      found.push(...spec.before);
      let at = 0;
      for (const match of this.kept ? whole.matchAll(this.kept) : []) {
        for (const id of this.#pieces(whole.slice(at, match.index))) found.push(id);
        found.push(places.get(match[0]) ?? UNKNOWN);
        at = match.index + match[0].length;
      }
      for (const id of this.#pieces(whole.slice(at))) found.push(id);
      found.push(...spec.after);
    }
    const most = spec.max_tokens ?? found.length;
    if (found.length <= most) return found;
    const head = { head: most, tail: 0, both: Math.floor((most + 1) / 2) }[spec.clip];
    return [...found.slice(0, head), ...found.slice(found.length - (most - head))];
  }

  /** Return the inputs of the graph for some texts: by name its type, values and sizes. */
  batch(texts) {
    if (this.spec.kind === "terms") {
      const terms = texts.map((text) => this.#terms(this.tokens(text ?? "")));
      const places = padded(terms.map((row) => [...row.keys()]), -1);
      const counts = padded(terms.map((row) => [...row.values()]), 0);
      return { places, counts: { ...counts, type: "float32", data: Float32Array.from(counts.data) } };
    }
    const rows = texts.map((text) => this.ids(text));
    const lengths = { type: "int32", data: Int32Array.from(rows, (row) => row.length), dims: [rows.length] };
    const found = { ids: padded(rows, 0), lengths };
    for (const [name, ngrams] of this.ngrams) found[`${name}.places`] = padded(rows.map((row) => ngrams.places(row)), -1);
    return found;
  }

  #pieces(text) {
    return this.tokens(text).flatMap((word) => this.#piecesOf([...word]));
  }

  #piecesOf(word) {
    const found = [];
    for (let start = 0; start < word.length && word.length <= this.spec.longest_word; ) {
      let end = word.length;
      const piece = () => (start ? this.spec.continued : "") + word.slice(start, end).join("");
      while (end > start && !this.places.has(piece())) end -= 1;
      if (end === start) return [UNKNOWN];
      found.push(this.places.get(piece()));
      start = end;
    }
    return found.length ? found : [UNKNOWN];
  }

  #terms(tokens) {
    const found = new Map();
    for (let n = 1; n <= this.spec.longest; n += 1) {
      for (let i = 0; i + n <= tokens.length; i += 1) {
        const place = this.places.get(tokens.slice(i, i + n).join(" "));
        if (place !== undefined) found.set(place, (found.get(place) ?? 0) + 1);
      }
    }
    return found;
  }
}

/** A list of n-grams of ids. An n-gram is one number of 63 bits; here its last id and what stands before it are kept apart. */
class Ngrams {
  constructor(stored) {
    const numbers = new Uint32Array(bytes(stored.listed));
    const size = numbers.length / 2;
    [this.first, this.last, this.size] = [new Float64Array(size), new Int32Array(size), size];
    for (let i = 0; i < size; i += 1) {
      this.first[i] = numbers[2 * i + 1] * 2 ** (32 - ID_BITS) + (numbers[2 * i] >>> ID_BITS);
      this.last[i] = numbers[2 * i] & (2 ** ID_BITS - 1);
    }
    this.group = stored.group === null ? null : new Int32Array(bytes(stored.group));
    [this.longest, this.share] = [stored.longest, stored.last];
  }

  /** Return where the n-grams of a text stand in the list, each once. */
  places(row) {
    const ids = (this.group ? row.map((id) => this.group[id]) : row).slice(Math.trunc(row.length * (1 - this.share)));
    const found = new Set();
    for (let i = 0; i < ids.length; i += 1) {
      let before = 0;
      for (let j = i; j < Math.min(i + this.longest, ids.length) && ids[j] >= FIRST_WORD; j += 1) {
        const place = this.#find(before, ids[j]);
        if (place >= 0) found.add(place);
        before = before * 2 ** ID_BITS + ids[j];
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  #find(first, last) {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      const less = this.first[middle] < first || (this.first[middle] === first && this.last[middle] < last);
      [low, high] = less ? [middle + 1, high] : [low, middle];
    }
    return low < this.size && this.first[low] === first && this.last[low] === last ? low : -1;
  }
}

/** The graph, and what reads texts for it. */
export class Model {
  /** Open a model: `ort` is onnxruntime-web, `graph` the bytes of model.onnx, `spec` what reader.json holds. */
  static async open(ort, graph, spec) {
    const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
    return Object.assign(new Model(), { ort, session, spec, reader: new Reader(spec) });
  }

  /** Return the outputs of the graph for some texts, by name. */
  async score(texts) {
    const inputs = Object.entries(this.reader.batch(texts));
    return this.session.run(
      Object.fromEntries(inputs.map(([name, { type, data, dims }]) => [name, new this.ort.Tensor(type, data, dims)])),
    );
  }

  /** Return of each text what is predicted, and the probability of each label. */
  async predictions(texts) {
    const { names } = this.spec;
    const found = await this.score(texts);
    return texts.map((_, i) => {
      if (found.number) return { prediction: found.number.data[i] };
      const of = (output) => Array.from(output.data.slice(i * names.length, (i + 1) * names.length));
      const several = found.decision.dims.length > 1;
      const said = several ? names.filter((_name, k) => of(found.decision)[k]) : (names[found.decision.data[i]] ?? null);
      return { prediction: said, probabilities: Object.fromEntries(names.map((name, k) => [name, of(found.probabilities)[k]])) };
    });
  }
}

function step({ kind, form, characters, ranges, pattern, ...token }) {
  if (pattern !== undefined) throw new Error("this model cuts texts by a regular expression of Python's; score.py reads it");
  if (kind === "normalize") return (text) => text.normalize(form);
  if (kind === "lower") return (text) => text.toLowerCase();
  if (kind === "replace") return (text) => Array.from(text, (c) => characters[c] ?? c).join("");
  const expression = new RegExp(kind === "remove" ? anyOf(ranges) || "(?!)" : tokenPattern(token), "gu");
  if (kind === "remove") return (text) => text.replace(expression, "");
  return (text) => Array.from(text.matchAll(expression), (match) => match[1]).filter(Boolean);
}

function tokenPattern({ classes, shortest, longest_tag: longest }) {
  const [word, single, apostrophe] = [classes.word, classes.single, classes.apostrophe].map(anyOf);
  const inner = anyOf([...classes.word, ...classes.mark]);
  const next = apostrophe ? `(?:${inner}|${apostrophe}(?=${word}))` : inner;
  const tag = longest ? `<(?:[A-Za-z][^<>]{0,${longest - 3}}|/[A-Za-z][^<>]{0,${longest - 4}})>|` : "";
  return `${tag}(${word}${next}{${shortest - 1},}${single ? `|${single}` : ""})`;
}

function anyOf(ranges) {
  const inside = ranges.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`);
  return ranges.length ? `[${inside.join("")}]` : "";
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
}

function padded(rows, value) {
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 1);
  const data = new Int32Array(rows.length * longest).fill(value);
  rows.forEach((row, i) => data.set(row, i * longest));
  return { type: "int32", data, dims: [rows.length, longest] };
}
