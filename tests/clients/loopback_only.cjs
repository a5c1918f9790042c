// Preloaded into every Node the tests start: a connection to anywhere but this machine's loopback is an error.
"use strict";

const net = require("node:net");

const HERE = new Set(["127.0.0.1", "::1", "localhost"]);
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  const asked = typeof options === "object" ? options : { host: given[1], port: options };
  if (!asked.path && !HERE.has(asked.host ?? "localhost")) {
    throw new Error(`the tests stay on loopback; asked for ${asked.host}`);
  }
  return connect.apply(this, given);
};
