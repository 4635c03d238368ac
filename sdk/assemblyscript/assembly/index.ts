// The SDK for Gatewright plugins in AssemblyScript.
//
// | | |
// |---|---|
// | plugin, Plugin | says what a module is: name, version, schema, roles |
// | Director, Middleware, ModifyResponse | the roles: classes to extend |
// | Tick | what is done from time to time |
// | Request, Direction, Response | what the hooks are given |
// | Headers, Field, Attributes | what these hold |
// | Hook, BodyMode, Body, BodyStream, Sink | bodies: whole, their beginning, or as they pass |
// | Outcome, Answer | how a hook ends |
// | Config, Json | the configuration |
// | kv | what lasts from one exchange to the next |
// | http, HttpRequest, HttpResponse | requests to upstreams |
// | log, Level, metrics, Counter, Gauge, Histogram, clock, random | the rest of the gateway |
// | lastError, takeError, Refusal, Code | what the gateway refused |

export { Answer } from "./answer";
export { Attributes } from "./attributes";
export { Body } from "./body";
export { clock } from "./clock";
export { Config } from "./config";
export { Direction } from "./direction";
export { isFieldName, isFieldValue, isReservedField } from "./field";
export { Headers } from "./headers";
export { HttpRequest, HttpResponse, http } from "./http";
export { Json, JsonKind } from "./json";
export { kv } from "./kv";
export { Level, log } from "./log";
export { Counter, Gauge, Histogram, metrics } from "./metrics";
export { BodyMode, Hook } from "./mode";
export { Outcome } from "./outcome";
export { Field } from "./packed";
export { Plugin, plugin } from "./plugin";
export { random } from "./random";
export { Code, Refusal, lastError, takeError } from "./refusal";
export { Request } from "./request";
export { Response } from "./response";
export { Director, Middleware, ModifyResponse, Tick } from "./role";
export { BodyStream, Sink } from "./stream";
