const { jestConfig } = require('@salesforce/sfdx-lwc-jest/config');

module.exports = {
    ...jestConfig,
    setupFiles: ['<rootDir>/test/labels.js'],
    coverageThreshold: { global: { statements: 95, branches: 90 } }
};
