/** The first sector of a disk: GRUB's code and a table with one partition. Pure. */

/** Bytes of a sector. */
export const SECTOR = 512;
/** The code's part of a boot record; behind it are the disk's signature and the table. */
const BOOT_CODE = 440;
const TABLE = 446;
const LINUX = 0x83;
const ACTIVE = 0x80;

/**
 * A master boot record (UEFI specification, section 5.2.1) with one active Linux partition. GRUB's boot.img loads sector 1 by default, and
 * grub-mkimage writes the length of the rest into what is there (GRUB: boot.S, util/mkimage.c), so that both are only copied.
 *
 * @param bootImage GRUB's boot.img
 * @param first sector of the partition
 * @param sectors that the disk has in all
 */
export function bootRecord(bootImage: Buffer, first: number, sectors: number): Buffer {
  const record = Buffer.alloc(SECTOR);
  bootImage.copy(record, 0, 0, BOOT_CODE);
  record.writeUInt32LE(0xca4e1ab0, BOOT_CODE);
  record[TABLE] = ACTIVE;
  // Cylinders and heads of a disk that is too large for them.
  record.set([0xfe, 0xff, 0xff], TABLE + 1);
  record[TABLE + 4] = LINUX;
  record.set([0xfe, 0xff, 0xff], TABLE + 5);
  record.writeUInt32LE(first, TABLE + 8);
  record.writeUInt32LE(sectors - first, TABLE + 12);
  record.writeUInt16BE(0x55aa, SECTOR - 2);
  return record;
}
