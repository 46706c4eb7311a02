/** Secrets at rest: age. `docs/secrets.md` is for the people who use them. */
export { editSecret, type EditOptions } from './edit.ts';
export { GENERATED_KINDS, generateSecret, type GeneratedKind, type GenerateRequest, type GenerateResult } from './generate.ts';
export { identityPath, type IdentityOptions } from './identity.ts';
export { initSecrets, type InitResult } from './init.ts';
export { inventoryDirectory, readRecipients, recipientsPath } from './recipients.ts';
export { rotateSecrets, type RotateResult } from './rotate.ts';
export { concealTexts } from './conceal.ts';
export { inventorySecrets, type InventorySecrets } from './store.ts';
export { decryptAll, decryptValue, encryptFile, encryptValue, isAgeFile } from './values.ts';
