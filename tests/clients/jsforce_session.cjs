// Runs what the tests send, one JSON text a line, with jsforce and a connection in reach; answers one JSON text a line.
"use strict";

const readline = require("node:readline");
const jsforce = require("jsforce");

const [url, token, version] = process.argv.slice(2);
const conn = new jsforce.Connection({ instanceUrl: url, accessToken: token, version });
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;

async function answer(line) {
  const { code, given } = JSON.parse(line);
  try {
    return { value: await new AsyncFunction("require", "jsforce", "conn", "given", code)(require, jsforce, conn, given) };
  } catch (error) {
    return { error: { name: error.name, message: error.message, code: error.errorCode, data: error.data } };
  }
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  process.stdout.write(JSON.stringify(await answer(line)) + "\n");
});
