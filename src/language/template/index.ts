/** Templates: Handlebars, hardened. The reference for people is `docs/templates.md`. */
export { hasTemplate, renderText, renderValue } from './render.ts';
export { fileVariableUses, templateReferences, templateVariables, variableUses, type VariableUse } from './variables.ts';
export { HELPERS } from './helpers/index.ts';
