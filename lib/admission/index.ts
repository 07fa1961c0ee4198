export { type InjectionOptions, injectionVerdict } from './injection';
export { AdmissionServer, type AdmissionServerOptions, type ServerCertificate } from './server';
export { validationVerdict } from './validation';
