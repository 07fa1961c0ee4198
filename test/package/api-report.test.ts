import { join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const ROOT = join(__dirname, '../..');

/** Needs `npm run build`: the report is made from the declarations that users get. */
describe('the report of the public API', () => {
  test('is current: a change of what users see is a change of docs/api/malha.api.md', () => {
    const config = ExtractorConfig.loadFileAndPrepare(join(ROOT, 'api-extractor.json'));
    const complaints: string[] = [];
    const { apiReportChanged } = Extractor.invoke(config, {
      localBuild: false,
      messageCallback: (message) => {
        message.handled = true;
        if (message.logLevel === 'error') complaints.push(message.text);
      },
    });
    expect(complaints).toEqual([]);
    // When this fails: `npm run build && npm run api-report`, and look at the difference.
    expect(apiReportChanged).toBe(false);
  }, 60_000);
});
