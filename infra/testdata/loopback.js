// Loaded into Node before anything else: what connects to another machine, or
// looks up its name, gets an error and leaves a line.
"use strict";
const fs = require("fs");
const net = require("net");
const dns = require("dns");
const here = (host) => host === undefined || host === null || host === "localhost" || host === "::1" || /^127\./.test(host);
const refuse = (host) => {
  fs.appendFileSync(process.env.CONNECTED_ELSEWHERE, process.argv[1] + " " + host + "\n");
  return Object.assign(new Error("connect ECONNREFUSED " + host), { code: "ECONNREFUSED" });
};
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  let [options] = given;
  if (Array.isArray(options)) [options] = options; // as net.connect hands them on
  const host = options !== null && typeof options === "object" ? options.host : typeof given[1] === "string" ? given[1] : undefined;
  if (here(host)) return connect.apply(this, given);
  process.nextTick(() => this.destroy(refuse(host)));
  return this;
};
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => (here(host) || net.isIP(host) ? lookup(host, ...rest) : process.nextTick(rest.at(-1), refuse(host)));
