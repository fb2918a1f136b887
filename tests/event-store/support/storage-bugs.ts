import type { Mutation } from './mutant.ts'

/** Bugs that lose, double or change events only when a disk, a process or the power fails. */
export const storageBugs: Mutation[] = [
  {
    name: 'a group is not synced',
    file: 'log/log.ts',
    find: 'async commit(group) {\n        await this.active.file.sync();',
    replace: 'async commit(group) {',
  },
  {
    name: 'acknowledged before the sync',
    file: 'store/writer.ts',
    find: 'await log.commit(group);',
    replace:
      'for (const { pending, answer } of answered) pending.answer(answer); await log.commit(group);',
  },
  {
    name: 'readable before the sync',
    file: 'log/log.ts',
    find: 'await this.active.file.sync();\n        const active = this.active;',
    replace:
      'this.end = this.active.end = group.end; await this.active.file.sync(); const active = this.active;',
  },
  {
    name: 'written behind the back of the sync',
    file: 'log/log.ts',
    find: 'this.active.file.write(group.content(), this.end - this.active.base);',
    replace: `const { file, base } = this.active, bytes = Buffer.from(group.content()), at = this.end - base;
      setImmediate(() => { try { file.write(bytes, at); } catch {} });`,
  },
  {
    name: 'the index of a segment is off by one',
    file: 'log/index-file.ts',
    find: 'at = into.writeUInt32LE(place, at);\n    return at;',
    replace: 'at = into.writeUInt32LE(place + 1, at);\n    return at;',
  },
  {
    name: 'the index of a segment forgets tombstones',
    file: 'store/stream-index.ts',
    find: 'stream.tombstone >= base ? stream.tombstone : 0',
    replace: '0',
  },
  {
    name: 'recovered events do not get into the index of their segment',
    file: 'store/stream-index.ts',
    find: 'const stream = this.getOrCreate(name);\n        this.touch(stream);',
    replace: 'const stream = this.getOrCreate(name);',
  },
  {
    name: 'the tail is cut too far',
    file: 'log/recover.ts',
    find: 'if (end < bytes.length)\n        file.truncate(end);',
    replace: 'if (end < bytes.length) file.truncate(Math.max(32, end - 64));',
  },
  {
    name: 'a member of a group is lost',
    file: 'store/writer.ts',
    find: 'this.queue.slice(taken)',
    replace: 'this.queue.slice(taken + 1)',
  },
  {
    name: 'requests that arrive during a sync are lost',
    file: 'store/writer.ts',
    find: 'this.view.group = undefined;\n        for (const { pending, answer } of answered)',
    replace:
      'this.view.group = undefined; this.queue = [];\n        for (const { pending, answer } of answered)',
  },
  {
    name: 'a recovered tail is trusted to be durable',
    file: 'log/recover.ts',
    find: 'file.write(bytes.subarray(unvouched, end), unvouched);\n    await file.sync();',
    replace: '',
  },
  {
    name: 'a recovered tail is synced, but not written again after a failed sync',
    file: 'log/recover.ts',
    find: 'file.write(bytes.subarray(unvouched, end), unvouched);',
    replace: '',
  },
  {
    name: 'what a failed write left is not removed',
    file: 'store/writer.ts',
    find: 'await this.options.log.discard();',
    replace: '',
  },
  {
    name: 'the removal of a failed write is not synced',
    file: 'log/log.ts',
    find: 'this.trim(this.end);\n        await this.active.file.sync();',
    replace: 'this.trim(this.end);',
  },
  {
    name: 'a failed group stays in the index',
    file: 'store/writer.ts',
    find: 'stream.positions.truncate(length);',
    replace: '',
  },
  {
    name: 'the directory is not synced after a new segment',
    file: 'log/log.ts',
    find: 'disk.syncDirectory();',
    replace: '',
  },
  {
    name: 'the directory is not synced at the start',
    file: 'log/recover.ts',
    find: 'context.disk.syncDirectory();',
    replace: '',
  },
  {
    name: 'the header of a new segment is not synced',
    file: 'log/log.ts',
    find: 'file.write(encodeHeader({ salt, base, previousCrc }), 0);\n        await file.sync();',
    replace: 'file.write(encodeHeader({ salt, base, previousCrc }), 0);',
  },
  {
    name: 'a torn frame is taken for whole',
    file: 'log/frame.ts',
    find: 'if (crc !== frameCrc(bytes, offset, end, salt))',
    replace: 'if (false)',
  },
  {
    name: 'a torn group is taken for corruption',
    file: 'log/scan.ts',
    find: 'frame.syncedUpTo > header.base + bad',
    replace: 'frame.syncedUpTo >= header.base + bad',
  },
  {
    name: 'a retry is believed without looking',
    file: 'store/decide.ts',
    find: 'if (!ids.every((id, i) => view.idAt(stream, first + i) === id))',
    replace: 'if (false)',
  },
  {
    name: 'a remembered id is believed without looking',
    file: 'store/pending-view.ts',
    find: 'return this.idAt(stream, revision) === id ? revision : undefined;',
    replace: 'return revision;',
  },
  {
    name: 'the process goes on after a failed sync',
    file: 'store/writer.ts',
    find: 'await log.commit(group);',
    replace:
      'await log.commit(group).catch(() => { log.end = log.active.end = group.end; log.lastCrc = group.lastCrc; });',
  },
]
