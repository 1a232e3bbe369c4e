// ONNX Runtime of Node.js as a backend of Trysquare: one operator of the ONNX standard at a time.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Unsupported, array, needed, serve } from "./protocol.mjs";

const { InferenceSession, Tensor } = await needed("onnxruntime-node");

// For each function: the operator, its inputs, its attributes by parameter, and attributes
// without which its default is another function.
const FUNCTIONS = {
  celu: { operator: "Celu", attributes: { alpha: "alpha" }, fixed: { inplace: false } },
  elu: { operator: "Elu", attributes: { alpha: "alpha" } },
  erf: { operator: "Erf" },
  exp: { operator: "Exp" },
  gelu: { operator: "Gelu", attributes: { approximate: "approximate" } },
  hard_sigmoid: { operator: "HardSigmoid", canonical: { alpha: 1 / 6 }, fixed: { inplace: false } },
  hard_silu: { operator: "HardSwish", fixed: { inplace: false } },
  leaky_relu: { operator: "LeakyRelu", attributes: { negative_slope: "alpha" }, fixed: { inplace: false } },
  log: { operator: "Log" },
  log_softmax: { operator: "LogSoftmax", attributes: { dim: "axis" } },
  mish: { operator: "Mish", fixed: { inplace: false } },
  relu: { operator: "Relu", fixed: { inplace: false } },
  selu: { operator: "Selu", fixed: { inplace: false } },
  sigmoid: { operator: "Sigmoid" },
  softmax: { operator: "Softmax", attributes: { dim: "axis" } },
  softplus: { operator: "Softplus", fixed: { beta: 1, threshold: Infinity } },
  softsign: { operator: "Softsign" },
  sqrt: { operator: "Sqrt" },
  tanh: { operator: "Tanh" },
};
const INTEGERS = new Set(["axis"]);
const OPSET = 20;
const TYPES = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 };

// A model is a protocol buffer: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
const varint = (n) => (n < 128 ? [n] : [(n % 128) + 128, ...varint(Math.floor(n / 128))]);
const signed = (n) => {
  const bytes = [];
  for (let left = BigInt.asUintN(64, BigInt(n)); ; left >>= 7n) {
    if (left < 128n) return [...bytes, Number(left)];
    bytes.push(Number(left & 127n) + 128);
  }
};
const number = (field, n) => [...varint(field * 8), ...signed(n)];
const bytes = (field, content) => [...varint(field * 8 + 2), ...varint(content.length), ...content];
const text = (field, words) => bytes(field, Buffer.from(words));

function attribute(name, given) {
  if (typeof given === "string") return [...text(1, name), ...text(4, given), ...number(20, 3)];
  if (INTEGERS.has(name)) return [...text(1, name), ...number(3, given), ...number(20, 2)];
  const float = Buffer.alloc(4);
  float.writeFloatLE(given);
  return [...text(1, name), 2 * 8 + 5, ...float, ...number(20, 1)];
}

function info(name, dtype, shape) {
  const sizes = shape.flatMap((size) => bytes(1, number(1, size)));
  const type = bytes(1, [...number(1, TYPES[dtype]), ...bytes(2, sizes)]);
  return [...text(1, name), ...bytes(2, type)];
}

function model(operator, attributes, inputs) {
  const names = Object.keys(inputs);
  const node = [
    ...names.flatMap((name) => text(1, name)), ...text(2, "output"), ...text(4, operator),
    ...Object.entries(attributes).flatMap(([name, given]) => bytes(5, attribute(name, given))),
  ];
  const { dtype } = inputs[names[0]];
  const output = [...text(1, "output"), ...bytes(2, bytes(1, number(1, TYPES[dtype])))];
  const graph = [
    ...bytes(1, node), ...text(2, operator),
    ...names.flatMap((name) => bytes(11, info(name, inputs[name].dtype, inputs[name].shape))),
    ...bytes(12, output),
  ];
  return Uint8Array.from([...number(1, 9), ...bytes(7, graph), ...bytes(8, number(2, OPSET))]);
}

const sessions = new Map();

async function run(operator, attributes, inputs) {
  const asked = model(operator, attributes, inputs);
  const key = Buffer.from(asked).toString("latin1"); // in JSON all infinities and both zeros are one
  if (!sessions.has(key)) {
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
    if (sessions.size > 100) sessions.clear();
    sessions.set(key, await InferenceSession.create(asked, options));
  }
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape, values }]) => [name, new Tensor(dtype, values, shape)]),
  );
  const { output } = await sessions.get(key).run(feeds);
  return { output: array(output.type, [...output.dims], output.data) };
}

async function call(asked) {
  const { inputs } = asked;
  try {
    if (asked.function === "probe:echo") return await run("Identity", {}, inputs);
    if (asked.function === "probe:multiply") return await run("Mul", {}, inputs);
    const bound = Object.hasOwn(FUNCTIONS, asked.function) ? FUNCTIONS[asked.function] : null;
    if (bound === null) throw new Unsupported(`no binding of ${asked.function}`);
    const strange = Object.keys(inputs).filter((name) => name !== "x");
    if (strange.length) throw new Unsupported(`${bound.operator} has no ${strange}`);
    const attributes = asked.canonical ? { ...bound.canonical } : {};
    for (const [name, given] of Object.entries(asked.parameters)) {
      const own = bound.attributes?.[name];
      if (own) attributes[own] = given;
      else if (given !== (bound.fixed ?? {})[name]) throw new Unsupported(`${bound.operator} has no ${name}`);
    }
    return await run(bound.operator, attributes, inputs);
  } catch (error) {
    if (/NOT_IMPLEMENTED|Could not find an implementation|is invalid/.test(error.message)) {
      throw new Unsupported(error.message);
    }
    throw error;
  }
}

const require = createRequire(import.meta.url);
const home = require.resolve("onnxruntime-node").replace(/dist.*/, "package.json");
await serve(
  {
    version: JSON.parse(readFileSync(home)).version,
    dtypes: ["float32", "float64", "float16"],
    underived: "ONNX Runtime infers, and derives nothing",
    functions: Object.fromEntries(
      Object.entries(FUNCTIONS).map(([name, { operator }]) => [name, { text: `${operator}(x)` }]),
    ),
    environment: { node: process.versions.node, opset: String(OPSET) },
  },
  call,
);
