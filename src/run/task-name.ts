/** `role : task`, as Ansible's users read it; a task of no role by its own name. */
export function taskName(of: { readonly role: string; readonly task: string }): string {
  return of.role === '' ? of.task : `${of.role} : ${of.task}`;
}
