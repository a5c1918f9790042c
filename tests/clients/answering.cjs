// Runs what the tests send, one JSON text a line, with some names in reach; answers one JSON text a line.
"use strict";

const readline = require("node:readline");

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;

async function answer(line, names, told) {
  const { code, given } = JSON.parse(line);
  const reach = { require, given, ...names };
  try {
    return { value: await new AsyncFunction(...Object.keys(reach), code)(...Object.values(reach)) };
  } catch (error) {
    return { error: { name: error.name, message: error.message, ...told(error) } };
  }
}

/** `told` picks the code and the data out of the client's own errors. */
module.exports = function answering(names, told) {
  readline.createInterface({ input: process.stdin }).on("line", async (line) => {
    process.stdout.write(JSON.stringify(await answer(line, names, told)) + "\n");
  });
};
