// The SDK for Gatewright plugins in AssemblyScript.
//
// | | |
// |---|---|
// | plugin, Plugin | says what a module is: name, version, schema, roles |
// | Director, Middleware, ModifyResponse | the roles: classes to extend |
// | Request, Direction, Response | what the hooks are given |
// | Headers, Field, Attributes | what these hold |
// | Outcome, Answer | how a hook ends |
// | Config, Json | the configuration |
// | log, Level, clock | the rest of the gateway |
// | lastError, takeError, Refusal, Code | what the gateway refused |

export { Answer } from "./answer";
export { Attributes } from "./attributes";
export { clock } from "./clock";
export { Config } from "./config";
export { Direction } from "./direction";
export { Field, Headers } from "./headers";
export { isFieldName, isFieldValue, isReservedField } from "./field";
export { Json, JsonKind } from "./json";
export { Level, log } from "./log";
export { Outcome } from "./outcome";
export { Plugin, plugin } from "./plugin";
export { Code, Refusal, lastError, takeError } from "./refusal";
export { Request } from "./request";
export { Response } from "./response";
export { Director, Middleware, ModifyResponse } from "./role";
