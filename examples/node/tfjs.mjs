// TensorFlow.js, its CPU backend, as a backend of Trysquare.
import { Unsupported, array, needed, serve } from "./protocol.mjs";

const { default: tf } = await needed("@tensorflow/tfjs");

// For each function: how it is called with a tensor and the parameters that it takes, and which
// values of parameters that it does not take are what it does anyway.
const FUNCTIONS = {
  elu: { text: "tf.elu(x)", call: ([x]) => tf.elu(x), fixed: { alpha: 1 } },
  erf: { text: "tf.erf(x)", call: ([x]) => tf.erf(x) },
  exp: { text: "tf.exp(x)", call: ([x]) => tf.exp(x) },
  expm1: { text: "tf.expm1(x)", call: ([x]) => tf.expm1(x) },
  leaky_relu: {
    text: "tf.leakyRelu(x, alpha=negative_slope)",
    call: ([x], { negative_slope }) => tf.leakyRelu(x, ...(negative_slope === undefined ? [] : [negative_slope])),
    takes: ["negative_slope"], fixed: { inplace: false },
    canonical: { negative_slope: 0.01 }, defaults: { negative_slope: "0.2" }, means: { negative_slope: { float: "0x1.999999999999ap-3" } },
  },
  log: { text: "tf.log(x)", call: ([x]) => tf.log(x) },
  log1p: { text: "tf.log1p(x)", call: ([x]) => tf.log1p(x) },
  log_sigmoid: { text: "tf.logSigmoid(x)", call: ([x]) => tf.logSigmoid(x) },
  log_softmax: last("tf.logSoftmax(x, axis=dim)", tf.logSoftmax),
  log_sum_exp: {
    text: "tf.logSumExp(x, axis=dim)", call: ([x], { dim = -1 }) => tf.logSumExp(x, dim), takes: ["dim"],
  },
  relu: { text: "tf.relu(x)", call: ([x]) => tf.relu(x), fixed: { inplace: false } },
  relu6: { text: "tf.relu6(x)", call: ([x]) => tf.relu6(x), fixed: { inplace: false } },
  selu: { text: "tf.selu(x)", call: ([x]) => tf.selu(x), fixed: { inplace: false } },
  sigmoid: { text: "tf.sigmoid(x)", call: ([x]) => tf.sigmoid(x) },
  softmax: last("tf.softmax(x, dim=dim)", tf.softmax),
  softplus: { text: "tf.softplus(x)", call: ([x]) => tf.softplus(x), fixed: { beta: 1, threshold: Infinity } },
  sqrt: { text: "tf.sqrt(x)", call: ([x]) => tf.sqrt(x) },
  tanh: { text: "tf.tanh(x)", call: ([x]) => tf.tanh(x) },
};

function last(text, call) {
  return { text, call: ([x], { dim = -1 }) => call(x, dim), takes: ["dim"] };
}

function tensor({ dtype, shape, values }) {
  if (dtype === "int64") throw new Unsupported("TensorFlow.js has no int64");
  return tf.tensor(values, shape, dtype);
}

function back(result) {
  const { dtype, shape } = result;
  return array(dtype, shape, result.dataSync());
}

function arguments_(bound, asked) {
  const parameters = asked.canonical ? { ...bound.canonical } : {};
  for (const [name, given] of Object.entries(asked.parameters)) {
    if (bound.takes?.includes(name)) parameters[name] = given;
    else if (given !== (bound.fixed ?? {})[name]) throw new Unsupported(`${bound.text} has no ${name}`);
  }
  return parameters;
}

function call(asked) {
  const { inputs } = asked;
  if (asked.function === "probe:echo") {
    return { output: inputs.x.dtype === "int64" ? inputs.x : back(tensor(inputs.x)) };
  }
  if (asked.function === "probe:multiply") return { output: back(tf.mul(tensor(inputs.a), tensor(inputs.b))) };
  const bound = Object.hasOwn(FUNCTIONS, asked.function) ? FUNCTIONS[asked.function] : null;
  if (bound === null) throw new Unsupported(`no binding of ${asked.function}`);
  const names = ["x"];
  const strange = Object.keys(inputs).filter((name) => !names.includes(name));
  if (strange.length) throw new Unsupported(`${bound.text} has no ${strange}`);
  const parameters = arguments_(bound, asked);
  const tensors = names.map((name) => tensor(inputs[name]));
  if (asked.want === "value") return { output: back(bound.call(tensors, parameters)) };
  const cotangent = asked.cotangent === null ? undefined : tensor(asked.cotangent);
  const gradients = tf.grads((...given) => bound.call(given, parameters))(tensors, cotangent);
  return Object.fromEntries(asked.wrt.map((name) => [name, back(gradients[names.indexOf(name)])]));
}

const spelling = ({ text, defaults = {}, means = {} }) => ({ text, defaults, means });
await tf.setBackend("cpu");
await serve(
  {
    version: tf.version.tfjs,
    dtypes: ["float32"],
    wants: ["value", "gradient"],
    functions: Object.fromEntries(Object.entries(FUNCTIONS).map(([name, bound]) => [name, spelling(bound)])),
    environment: { node: process.versions.node, v8: process.versions.v8 },
  },
  (asked) => {
    try {
      return tf.tidy(() => call(asked));
    } catch (error) {
      throw /not yet supported/.test(error.message) ? new Unsupported(error.message) : error;
    }
  },
);
