/** Plugins in the command of what loads them. */
import type { WorkloadController } from '../../lib/api/kubernetes';
import { RUN_ANNOTATION } from '../workload';

/**
 * The Deployment with `--plugin NAME` for each.
 * @param runLocally its command on one machine, which gets them too. Default: it does not run there.
 */
export function withPlugins(
  deployment: WorkloadController,
  plugins: readonly string[],
  runLocally?: string,
): WorkloadController {
  const template = deployment.spec?.template;
  if (plugins.length === 0 || !template?.spec) return deployment;
  const options = plugins.flatMap((name) => ['--plugin', name]);
  const [container, ...others] = template.spec.containers ?? [];
  const annotations = {
    ...template.metadata?.annotations,
    ...(runLocally && { [RUN_ANNOTATION]: `${runLocally} ${options.join(' ')}` }),
  };
  const containers = [{ ...container!, args: [...(container?.args ?? []), ...options] }, ...others];
  const changed = {
    ...template,
    metadata: { ...template.metadata, annotations },
    spec: { ...template.spec, containers },
  };
  return { ...deployment, spec: { ...deployment.spec!, template: changed } };
}
