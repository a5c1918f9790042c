// A session with jsforce and a connection in reach.
"use strict";

const jsforce = require("jsforce");
const answering = require("./answering.cjs");

const [url, token, version] = process.argv.slice(2);
const conn = new jsforce.Connection({ instanceUrl: url, accessToken: token, version });

answering({ jsforce, conn }, (error) => ({ code: error.errorCode, data: error.data }));
