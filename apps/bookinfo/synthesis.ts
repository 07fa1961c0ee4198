/** Writes the manifests exactly as `npx cdk8s synth` does, without the price of starting cdk8s's own program. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { parse } from 'yaml';

/**
 * Runs the program that cdk8s.yaml names, as cdk8s does: the output folder is emptied, CDK8S_OUTDIR says where it is.
 * @returns the folder of manifests.
 * @throws when there is no cdk8s.yaml, or the program fails; it has said why.
 */
export async function synthesize(): Promise<string> {
  const { app, output = 'dist' } = parse(await readFile('cdk8s.yaml', 'utf8')) as { app?: string; output?: string };
  if (!app) throw new Error("cdk8s.yaml names no 'app', the command that writes the manifests");
  await rm(output, { recursive: true, force: true });
  const child = spawn(app, { shell: true, stdio: 'inherit', env: { ...process.env, CDK8S_OUTDIR: output } });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`synthesis failed: ${app} (of cdk8s.yaml) ended with exit code ${code}`);
  return output;
}
