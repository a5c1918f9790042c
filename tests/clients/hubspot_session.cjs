// A session with HubSpot's own client, and one that is logged in, in reach.
"use strict";

const hubspot = require("@hubspot/api-client");
const answering = require("./answering.cjs");

const [url, token] = process.argv.slice(2);

const fresh = (config) => new hubspot.Client({ basePath: url, ...config });

answering({ hubspot, fresh, client: fresh({ accessToken: token }) }, (error) => ({ code: error.code, data: error.body }));
