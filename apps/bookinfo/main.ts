/** Bookinfo for cdk8s: `npx cdk8s synth` runs this (cdk8s.yaml) and finds the manifests in manifests/. */
import { App } from 'cdk8s';
import { bookinfo } from './mesh';

const app = new App({ outdir: process.env['CDK8S_OUTDIR'] ?? 'manifests' });
bookinfo(app);
app.synth();
