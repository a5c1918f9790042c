// Tests read the texts that the org will show: the stub would give each label's name instead.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { XMLParser } = require('fast-xml-parser');

const path = join(__dirname, '../force-app/main/default/labels/CustomLabels.labels-meta.xml');
const { labels } = new XMLParser().parse(readFileSync(path, 'utf8')).CustomLabels;
for (const { fullName, value } of labels) {
    jest.doMock(`@salesforce/label/c.${fullName}`, () => ({ default: value }), { virtual: true });
}
