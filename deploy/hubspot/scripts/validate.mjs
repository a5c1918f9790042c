// The project under the checks of `hs project validate`, without an account: `node scripts/validate.mjs [PROJECT]`.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { http } from '@hubspot/local-dev-lib/http';
import { parseProjectConfig } from '@hubspot/project-parsing-lib/projects';
import { isTranslationError, translate } from '@hubspot/project-parsing-lib/translate';
import { SCHEMAS } from './schemas.mjs';

const project = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..');

// The one call that the checks make asks HubSpot for its schemas.
http.get = () => Promise.resolve({ data: SCHEMAS });

try {
    const { platformVersion, srcDir } = parseProjectConfig(project);
    const where = { projectSourceDir: join(project, srcDir), platformVersion, accountId: 1 };
    const { intermediateRepresentation } = await translate(where);
    const nodes = Object.values(intermediateRepresentation.intermediateNodesIndexedByUid);
    console.log(nodes.map(({ uid, componentType }) => `${componentType} ${uid}`).sort().join('\n'));
} catch (error) {
    console.log(isTranslationError(error) ? error.toString() : error.message);
    process.exitCode = 1;
}
