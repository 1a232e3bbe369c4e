// The protocol of docs/protocol.md for Node.js, without packages: frames, and a loop that answers.
import { readSync, writeSync } from "node:fs";

// Whatever a library prints belongs on stderr.
console.log = console.info = console.debug = console.error;

const SIZES = { float64: 8, float32: 4, float16: 2, bfloat16: 2, int64: 8, int32: 4, bool: 1 };
const VIEWS = {
  float64: Float64Array, float32: Float32Array, float16: Uint16Array, bfloat16: Uint16Array,
  int64: BigInt64Array, int32: Int32Array, bool: Uint8Array,
};
const LARGE = 1 << 16; // bytes from which on an answer goes into the shared area

export class Unsupported extends Error {}

/** An array of the protocol; `values` is a typed array (float16 and bfloat16: their patterns). */
export function array(dtype, shape, values) {
  return { dtype, shape, values };
}

/** The value of a parameter: floats travel in hexadecimal. */
export function value(packed) {
  if (packed === null || typeof packed !== "object") return packed;
  const [, sign, whole, fraction, exponent] =
    /^(-?)0x([0-9a-f]+)\.?([0-9a-f]*)p([+-]?\d+)$/.exec(packed.float) ?? [];
  if (whole === undefined) return Number(packed.float.replace("inf", "Infinity"));
  // 53 bits at most, so nothing is rounded; two factors, because one may be out of range
  const digits = Number(`0x${whole}${fraction}`);
  const shift = Number(exponent) - 4 * fraction.length;
  const half = Math.trunc(shift / 2);
  return (sign ? -1 : 1) * digits * 2 ** half * 2 ** (shift - half);
}

function read(bytes, position = null, descriptor = 0) {
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done;
    const count = readSync(descriptor, bytes, done, bytes.length - done, at);
    if (count === 0) process.exit(0); // the harness is gone
    done += count;
  }
  return bytes;
}

function write(bytes, position = null, descriptor = 1) {
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done;
    done += writeSync(descriptor, bytes, done, bytes.length - done, at);
  }
}

function receive(area) {
  const prefix = read(Buffer.alloc(16));
  if (prefix.toString("latin1", 0, 4) !== "TSQ1") throw new Error("this is no frame");
  const header = JSON.parse(read(Buffer.alloc(prefix.readUInt32LE(4))).toString());
  const payload = read(new Uint8Array(Number(prefix.readBigUInt64LE(8))));
  header.arrays = header.arrays.map(({ dtype, shape, offset, nbytes, area: shared }) => {
    let bytes = payload.subarray(offset, offset + nbytes);
    if (shared) bytes = read(new Uint8Array(nbytes), offset, area.descriptor);
    return array(dtype, shape, new VIEWS[dtype](bytes.buffer, bytes.byteOffset, nbytes / SIZES[dtype]));
  });
  return header;
}

function send(header, arrays = [], room = null, area = null) {
  const parts = [], table = [];
  let offset = 0;
  for (const { dtype, shape, values } of arrays) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const entry = { dtype, shape, offset, nbytes: bytes.length };
    const padding = (64 - (bytes.length % 64)) % 64;
    table.push(entry);
    if (room && bytes.length >= LARGE && bytes.length <= room.nbytes) {
      write(bytes, room.offset, area.descriptor);
      Object.assign(entry, { offset: room.offset, area: true });
      room.offset += bytes.length + padding;
      room.nbytes -= bytes.length + padding;
      continue;
    }
    parts.push(bytes, new Uint8Array(padding));
    offset += bytes.length + padding;
  }
  const head = Buffer.from(JSON.stringify({ ...header, arrays: table }));
  const prefix = Buffer.alloc(16);
  prefix.write("TSQ1", "latin1");
  prefix.writeUInt32LE(head.length, 4);
  prefix.writeBigUInt64LE(BigInt(offset), 8);
  write(Buffer.concat([prefix, head])); // a small frame in one piece
  parts.forEach((part) => part.length && write(part));
}

/** Say in the hello why this program cannot run here, and end. */
export function cannot(reason) {
  receive(null);
  send({ type: "hello", protocol: 1, reason });
  process.exit(0);
}

/** Import a package; without it, this program cannot run here. */
export async function needed(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    return cannot(`${name} is not installed: npm install --ignore-scripts`);
  }
}

/**
 * Answer until the harness says bye. `hello` is what the program says of itself; `call(asked)`
 * returns arrays by name, or a promise of them; it throws Unsupported for what is not there.
 */
export async function serve(hello, call) {
  let area = null;
  for (;;) {
    const message = receive(area);
    if (message.type === "bye") process.exit(0);
    if (message.type === "hello") {
      area = message.area;
      send({ type: "hello", protocol: 1, area: true, ...hello });
    }
    if (message.type !== "run") continue;
    const room = message.room ?? null;
    for (const [number, asked] of message.calls.entries()) {
      const head = { type: "result", id: message.id, case: number };
      const given = Object.entries(asked.inputs).map(([name, index]) => [name, message.arrays[index]]);
      const cotangent = asked.cotangent === null ? null : message.arrays[asked.cotangent];
      const parameters = Object.entries(asked.parameters).map(([name, one]) => [name, value(one)]);
      try {
        const outputs = await call({
          ...asked, cotangent, inputs: Object.fromEntries(given), parameters: Object.fromEntries(parameters),
        });
        const names = Object.keys(outputs);
        const reply = { outputs: Object.fromEntries(names.map((name, index) => [name, index])) };
        send({ ...head, reply }, names.map((name) => outputs[name]), room, area);
      } catch (error) {
        const kind = error instanceof Unsupported ? "unsupported" : "raised";
        send({ ...head, reply: { kind, message: String(error.message), error: error.name } });
      }
    }
    send({ type: "done", id: message.id });
  }
}
