import lwc from '@salesforce/eslint-config-lwc/recommended.js';
import js from '@eslint/js';
import jest from 'eslint-plugin-jest';
import globals from 'globals';

export default [
    { ignores: ['node_modules/', 'coverage/', '.sf/'] },
    ...lwc.map((config) => ({ ...config, files: ['force-app/**/*.js'] })),
    {
        files: ['force-app/**/__tests__/**/*.js'],
        ...jest.configs['flat/recommended'],
        rules: {
            ...jest.configs['flat/recommended'].rules,
            '@lwc/lwc/no-unexpected-wire-adapter-usages': 'off', // tests emit through the adapters
            '@lwc/lwc/no-async-operation': 'off' // and wait for the page to settle
        }
    },
    { files: ['*.js', '*.mjs', 'scripts/*'], ...js.configs.recommended },
    { files: ['*.js', '*.mjs', 'scripts/*'], languageOptions: { globals: { ...globals.node, jest: 'readonly' } } }
];
