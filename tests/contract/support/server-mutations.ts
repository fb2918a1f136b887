import type { Mutation } from '../../event-store/support/mutant.ts'

/** A server that breaks the protocol in one point, and the contract that must notice. */
export type ServerMutation = Mutation & { caughtBy: string }

export const serverMutations: ServerMutation[] = [
  {
    name: 'no idempotency of expected revisions',
    file: 'store/decide.ts',
    find: 'if (!ids.every((id, i) => view.idAt(stream, first + i) === id))',
    replace: 'if (true)',
    caughtBy: 'answers the retry of an expected revision as it did at first (batch)',
  },
  {
    name: 'ids of a retry are not compared',
    file: 'store/decide.ts',
    find: 'if (!ids.every((id, i) => view.idAt(stream, first + i) === id))',
    replace: 'if (false)',
    caughtBy: 'refuses a retry that has one event more, or another one (batch)',
  },
  {
    name: 'no idempotency without a revision',
    file: 'store/decide.ts',
    find: 'if (first === undefined || view.recentRevision(stream, first) === undefined)',
    replace: 'if (true)',
    caughtBy: 'knows the ids of a retry with any (batch)',
  },
  {
    name: 'a mix of known and new ids is taken for a retry',
    file: 'store/decide.ts',
    find: 'if (known === undefined)\n            return wrongVersion(stream);',
    replace: 'if (known === undefined) continue;',
    caughtBy: 'refuses known ids mixed with new ones with any (single)',
  },
  {
    name: 'known ids at the current revision are not written again',
    file: 'store/decide.ts',
    find: 'if (request.expected === stream.last)',
    replace:
      'if (request.ids.length > 0 && view.recentRevision(stream, request.ids[0]) !== undefined) return recentRetry(request, stream, view);\n            if (request.expected === stream.last)',
    caughtBy:
      'writes again what is expected at the current revision, though it knows the ids (batch)',
  },
  {
    name: 'the expected revision is not compared',
    file: 'store/decide.ts',
    find: '?? wrongVersion(stream);\n    }',
    replace: '?? undefined;\n    }',
    caughtBy: 'refuses a revision above the current one, and writes nothing (single)',
  },
  {
    name: 'stream_exists is not checked',
    file: 'store/decide.ts',
    find: "const mayBegin = request.expected === 'any' ||",
    replace:
      "const mayBegin = request.expected === 'any' || request.expected === 'stream_exists' ||",
    caughtBy: 'refuses stream_exists where there is none, and writes nothing (batch)',
  },
  {
    name: 'a metadata stream is no stream',
    file: 'store/decide.ts',
    find: '(stream.metastream?.last ?? -1) < 0',
    replace: 'true',
    caughtBy: 'takes a metadata stream for the stream, where one must exist (batch)',
  },
  {
    name: 'a tombstone does not stop appends',
    file: 'store/decide.ts',
    find: "if (stream.tombstone !== 0)\n        return { kind: 'deleted' };\n    switch",
    replace: 'switch',
    caughtBy: 'refuses a stream with a tombstone (single)',
  },
  {
    name: 'no undelete',
    file: 'store/writer.ts',
    find: 'if (known !== undefined && this.view.isSoftDeleted(known))',
    replace: 'if (false)',
    caughtBy:
      'an append after a soft delete goes on with the revisions, and the old ones stay hidden',
  },
  {
    name: 'an undelete forgets the rest of the metadata',
    file: 'store/stream-metadata.ts',
    find: '...parseObject(data), $tb',
    replace: '$tb',
    caughtBy:
      'an append after a soft delete goes on with the revisions, and the old ones stay hidden',
  },
  {
    name: 'a stream that never was can be deleted',
    file: 'store/decide.ts',
    find: "if (request.kind === 'delete' && last < 0)",
    replace: 'if (false)',
    caughtBy: 'refuses to delete a stream that never was, or is at another revision',
  },
  {
    name: 'removals ignore the expected revision',
    file: 'store/decide.ts',
    find: 'return isExpected(request.expected, last) ?',
    replace: 'return true ?',
    caughtBy: 'refuses to set a tombstone at another revision',
  },
  {
    name: 'no $maxAge',
    file: 'store/event-store.ts',
    find: 'if (oldest === undefined || createdOf(event) >= oldest)',
    replace: 'if (true)',
    caughtBy: '$maxAge hides what is older, and does not touch $all',
  },
  {
    name: 'no $maxCount',
    file: 'store/event-store.ts',
    find: 'kept === undefined ? 0 : stream.committed - kept',
    replace: '0',
    caughtBy: '$maxCount leaves the last events, both ways, and does not touch $all',
  },
  {
    name: 'no $tb',
    file: 'store/event-store.ts',
    find: 'Math.max(truncateBefore, kept',
    replace: 'Math.max(0, kept',
    caughtBy: '$tb hides what is before it',
  },
  {
    name: 'metadata streams show all they have',
    file: 'store/event-store.ts',
    find: 'isMetastream(stream.name) ? 1 : maxCount',
    replace: 'maxCount',
    caughtBy: 'a metadata stream shows its last event only',
  },
  {
    name: '$all is read backwards inclusive',
    file: 'store/reading.ts',
    find: 'let before = Math.min(from, log.end);',
    replace: 'let before = Math.min(from + 1, log.end);',
    caughtBy: 'reads $all backwards from a position, exclusive',
  },
  {
    name: '$all is read forwards exclusive',
    file: 'store/reading.ts',
    find: 'if (event.position >= this.from)',
    replace: 'if (event.position > this.from)',
    caughtBy: 'reads $all forwards from a position, inclusive',
  },
  {
    name: 'streams are read exclusive',
    file: 'services/read.ts',
    find: ': store.readStream(source.stream, start, direction);',
    replace:
      ": store.readStream(source.stream, start + (start > 0 && direction === 'forwards' ? 1 : 0), direction);",
    caughtBy: 'reads a stream both ways from a revision, inclusive, up to a count',
  },
  {
    name: 'two appends of a group are swapped',
    file: 'store/writer.ts',
    find: 'const answered = this.decideGroup(group);',
    replace:
      'if (this.queue.length > 1) [this.queue[0], this.queue[1]] = [this.queue[1], this.queue[0]];\n        const answered = this.decideGroup(group);',
    caughtBy: 'writes appends in the order in which they were asked for (batch)',
  },
  {
    name: 'the events of an append are turned round',
    file: 'services/append-request.ts',
    find: 'this.events.push(event);',
    replace: 'this.events.unshift(event);',
    caughtBy: 'answers the revision and the position of the last event (batch)',
  },
  {
    name: 'an append answers the position of its first event',
    file: 'store/writer.ts',
    find: 'return start + (offsets.at(-1) ?? 0);',
    replace: 'return start + (offsets.at(0) ?? 0);',
    caughtBy: 'answers the revision and the position of the last event (single)',
  },
  {
    name: 'no limit on appends',
    file: 'services/append-request.ts',
    find: 'return this.size > MAX_APPEND_BYTES || this.count > MAX_APPEND_EVENTS;',
    replace: 'return false;',
    caughtBy: 'takes 1 MiB, counting data and twice the type, and not a byte more (batch)',
  },
  {
    name: 'the limit does not count metadata',
    file: 'services/append-request.ts',
    find: 'event.data.length + event.metadata.length +',
    replace: 'event.data.length +',
    caughtBy: 'counts the metadata, and the events of an append together: all or none (batch)',
  },
  {
    name: 'an unresolved link is left out',
    file: 'services/responses.ts',
    find: 'return encodeReadEvent(target, event, request.idForm);',
    replace:
      'return target === undefined ? Buffer.alloc(0) : encodeReadEvent(target, event, request.idForm);',
    caughtBy: 'gives a link alone whose event is gone',
  },
  {
    name: 'links are never resolved',
    file: 'services/responses.ts',
    find: '!request.resolveLinks || ',
    replace: 'true || ',
    caughtBy: 'resolves links when asked to, and gives the link too',
  },
  {
    name: 'subscriptions begin with the event at the position given',
    file: 'services/subscribe.ts',
    find: 'store.followAll(last + 1)',
    replace: 'store.followAll(last)',
    caughtBy: 'gives all streams in order, after the position given, and live',
  },
  {
    name: 'caughtUp is told each time',
    file: 'services/subscribe.ts',
    find: 'isLive = true;',
    replace: '',
    caughtBy: 'confirms, gives all there is, says once that it caught up, and goes on live',
  },
  {
    name: 'no caughtUp where there is nothing',
    file: 'services/subscribe.ts',
    find: 'if (!isLive) {',
    replace: 'if (!isLive && considered > 0) {',
    caughtBy: 'is caught up at once with a stream that is not there, and waits for it',
  },
  {
    name: 'the event goes behind its checkpoint',
    file: 'services/subscribe.ts',
    find: 'const due = checkpoints.after(event);\n            if (due !== undefined)\n                outbox.add(checkpoint(due));',
    replace: '',
    caughtBy:
      'tells a checkpoint each so many considered events, after the event, and before going live',
  },
  {
    name: 'checkpoints count only what matches',
    file: 'services/subscribe.ts',
    find: 'const due = checkpoints.after(event);',
    replace:
      'const due = request.filter?.matches(event) === false ? undefined : checkpoints.after(event);',
    caughtBy: 'counts events that do not match, multiplies, and says no checkpoint twice',
  },
  {
    name: 'a checkpoint is told twice',
    file: 'services/subscribe.ts',
    find: 'return this.last > this.sent ? this.send() : undefined;',
    replace: 'return this.send();',
    caughtBy: 'counts events that do not match, multiplies, and says no checkpoint twice',
  },
  {
    name: 'a filter on types looks at streams',
    file: 'services/filter.ts',
    find: "on = fields.number === 1 ? 'stream' : 'type';",
    replace: "on = 'stream';",
    caughtBy: 'gives only what matches a prefix of the type',
  },
  {
    name: 'a subscription survives the tombstone of its stream',
    file: 'services/subscribe.ts',
    find: "if (stream !== undefined && store.streamState(stream) === 'deleted')",
    replace: 'if (false)',
    caughtBy: 'ends with the tombstone of its stream',
  },
  {
    name: 'a batch is answered twice',
    file: 'services/batch-append.ts',
    find: '.then((response) => call.send(frameMessage(response)))',
    replace:
      '.then((response) => { call.send(frameMessage(response)); call.send(frameMessage(response)); })',
    caughtBy:
      'tells batches that come mixed apart, and answers each once, with its stream, to the end',
  },
  {
    name: 'a batch call ends with answers due',
    file: 'services/batch-append.ts',
    find: 'if (hasEnded && inFlight === 0)',
    replace: 'if (hasEnded)',
    caughtBy:
      'tells batches that come mixed apart, and answers each once, with its stream, to the end',
  },
  {
    name: 'deadlines of batches are ignored',
    file: 'services/batch-append.ts',
    find: 'Date.now() > deadline',
    replace: 'false',
    caughtBy: 'does not write a batch whose deadline has passed, and says Timeout',
  },
  {
    name: 'batchappend is not listed',
    file: 'services/server-features.ts',
    find: "method(streams, 'batchappend'),",
    replace: '',
    caughtBy: 'lists its methods, batchappend among them, and a version',
  },
  {
    name: 'ids are always text',
    file: 'services/event-encoder.ts',
    find: "form === 'string' ?",
    replace: 'true ?',
    caughtBy: 'gives ids as text or as structures, as asked',
  },
  {
    name: 'messages are not percent-encoded',
    file: 'grpc/call.ts',
    find: "'grpc-message': encodeGrpcMessage(message)",
    replace: "'grpc-message': message.replace(/[^ -~]/g, '?')",
    caughtBy: 'percent-encodes in a message only what may not stand there',
  },
  {
    name: 'what is longer than the window is read backwards in part',
    file: 'store/reading.ts',
    find: 'Math.min(before, position)',
    replace: 'before',
    caughtBy: 'reads long and short events backwards',
  },
]
