// Loaded into Node before anything else: whoever looks up a name, connects or
// sends a datagram gets an error. Synthesis has to do without.
"use strict";
// Each program that this was loaded into leaves its name.
require("fs").appendFileSync(process.env.OFFLINE_PROGRAMS, process.argv[1] + "\n");
const refuse = (what) => () => {
  throw new Error("synthesis used the network: " + what);
};
const dns = require("dns");
for (const name of ["lookup", "resolve", "resolve4", "resolve6"]) {
  dns[name] = refuse("dns." + name);
  dns.promises[name] = refuse("dns.promises." + name);
}
require("net").Socket.prototype.connect = refuse("connect");
require("dgram").createSocket = refuse("dgram");
