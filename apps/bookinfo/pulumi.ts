/** Bookinfo for Pulumi: `pulumi up` runs this (Pulumi.yaml) against the cluster of the current kubectl context. */
import { App } from 'cdk8s';
import { deploy } from '../../constructs/pulumi';
import { bookinfo } from './mesh';

const app = new App();
bookinfo(app);

/** The names of the declared resources, as the stack's output. */
export const resources = [...deploy(app).keys()];
