/** Real certificates for programs that look at their days. */
import { execFileSync } from 'node:child_process';

/** Of one day in 2020: openssl 3.0 makes none that have ended without a CA. */
export const ENDED_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIH/MIGmAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXgwHhcNMjAwMTAxMDAw
MDAwWhcNMjAwMTAyMDAwMDAwWjAMMQowCAYDVQQDDAF4MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE1VTu3L6YL4i5mQDLy3VlhjxKgIMC22X9MPOo558GAtyt2AKN
PJHc0oBDh1EdPt3/ViE1HCqut2/HeF1Oc223nDAKBggqhkjOPQQDAgNIADBFAiEA
vARp6DvLUm7nkhfrDlEasLDaspBu7SViXnOP9ONrfn4CIDIZBEdA9E1swoLPPKyS
ds+XoCL05eWcEGCcXiqLVolg
-----END CERTIFICATE-----
`;

const valid = new Map<number, string>();

/** One of openssl's, valid from now on; for one number of days it is the same for a whole file. */
export function validCertificate(days: number): string {
  const made = valid.get(days) ?? execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=x', '-days', String(days)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  valid.set(days, made);
  return made;
}
