export { authorityOf } from './certificates';
export * from './classes';
export type { Condition } from './conditions';
export { type Conversion, type ConvertedRoute, convert } from './convert';
export * from './converted';
export { GATEWAY_CREDENTIAL, GATEWAY_NAME_LABEL } from './gateways';
export { UNRESOLVED_HOST } from './http-route';
export { type GatewayApiStatus, statusesOf } from './status';
export type { StatedCondition } from './transitions';
