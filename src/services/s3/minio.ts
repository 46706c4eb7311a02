/** Where MinIO's admin API is: madmin-go's AdminAPIVersionV3. */
export function adminPath(of: string): string {
  return `/minio/admin/v3/${of}`;
}
