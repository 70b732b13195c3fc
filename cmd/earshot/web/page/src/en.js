// The texts in English. What stands in braces is put in; a text with forms has one for each plural of the language.

export const texts = {
  // the parts of the page
  conversations: 'Conversations', messages: 'Messages', people: 'People', search: 'Search', settings: 'Settings', files: 'Files', help: 'Help', details: 'Details', outbox: 'What waits',
  requests: 'Who asks to talk with you', back: 'Back', close: 'Close', cancel: 'Cancel', done: 'Done', goOn: 'Continue', save_: 'Save', saved: 'Saved', more: 'More', more_: 'Show more', again: 'Try again',
  loading: 'Loading …', notLoaded: 'This could not be loaded.', find: 'Type to find', you: 'you', allRead: 'Mark all read', write: 'New message or group',
  // the state of things
  gone: 'The node is gone. What you write is kept; it goes on when the node is back.', kept: 'The node is gone: what you wrote is kept until it is back.',
  'gate.beginning': 'Connecting to the node …', 'gate.gone': 'The node does not answer. This page goes on by itself when it is back.',
  'gate.unknown': 'This page has no session with the node. Open it from a terminal with this command:', 'gate.other': 'Another program answers at this address, not your node. Nothing was sent to it.',
  noneOpen: 'No conversation is open.', noneKeys: '{key} goes to one, {help} shows the keys.', noTalk: 'Nothing was said yet. “New message or group” shows who is here.',
  alone: 'Nobody is on this network yet.', aloneLong: 'Your node looks for others all the time, and shows them here when they come. Have somebody start earshot on another machine of the network.',
  aloneDoctor: 'Does it find nobody? See what may stand in the way:', examine: 'What may stand in the way', examining: 'Looking, for up to 20 seconds …', examined: 'This is what was found.', doctorMore: 'More about each is in a terminal:',
  'check.interfaces': 'Network interfaces', 'check.multicast': 'Multicast', 'check.mdns_port': 'Port of mDNS', 'check.beacon': 'Beacon', 'check.port': 'Port of this node', 'check.reachable': 'Reachable by others', 'check.peers': 'Others',
  'check.clock': 'Clock', 'check.disk': 'Disk', 'check.copies': 'Copies of the directory', 'check.limits': 'Limits', 'check.person': 'Person', 'check.probe': 'Looking at all addresses',
  'found.nobody': 'nobody to ask', 'found.off': 'off',
  noName: 'No name yet', hereCount: { one: '{n} person here', other: '{n} people here' }, here: 'here', away: 'away', notHere: 'not here', offSince: 'off since {when}', blocked: 'blocked',
  members: { one: '{n} member', other: '{n} members' }, hereOf: '{n} here', typing: { one: '{who} is typing', other: '{who} are typing' }, draft: 'Draft', muted: 'muted', waits: 'waits', waitsLong: 'Somebody does not have all yet that you wrote here',
  unread: 'unread:', mentionsYou: '@ mentions you', notContacts: 'Not contacts yet', notContact: 'not a contact yet', nowCalled: 'now', verified: 'verified',
  asksCount: { one: '{n} request to talk with you', other: '{n} requests to talk with you' }, archivedOnes: 'Archived', recoveryAsk: 'Write down your recovery words',
  // rows
  new: { one: '{n} new message', other: '{n} new messages' }, newBelow: { one: '{n} new message below', other: '{n} new messages below' }, toEnd: 'To the end', toNew: 'To what is new', nothingSaid: 'Nothing was said here yet.',
  gap: 'Something that came before this is missing.', forked: 'What is below is contradicted by its author.', recalled: '{who} took back what stood here', recalledOwn: 'You took back what stood here',
  unknown: '{who} wrote what only a newer earshot can show: {text}', edited: 'edited', quoteGone: 'a message that is not here', takenBack: 'taken back', aFile: 'a file', aMessage: 'a message', showAll: 'Show all of it', notThere: 'That message is not here.',
  reacted: { one: '{emoji}, {n} reaction', other: '{emoji}, {n} reactions' }, others: { one: '{n} other', other: '{n} others' }, andMore: '(and {n} more)', waitingFor: 'waits for {who}: {why}',
  'state.queued': 'queued', 'state.carried': 'carried', 'state.delivered': 'delivered', 'state.read': 'read', 'state.cancelled': 'cancelled', 'state.undelivered': 'not delivered', 'state.undelivered.left': 'not delivered: you left',
  'state.undelivered.removed': 'not delivered: you were removed',
  'waits.offline': 'not on this network', 'waits.since': 'off since {when}', 'waits.unreachable': 'can’t be reached ({error})', 'waits.no_network': 'this machine is on no network', 'waits.unanswered': 'connected, but not taken yet',
  'waits.unanswered.blocked': 'you have blocked them', 'waits.unanswered.not_contact': 'you have removed them, and accept contacts only', 'waits.unanswered.acceptance': 'they may have to accept you first',
  'waits.incompatible': 'runs another version of earshot', 'waits.refused.acceptance': 'their limit is used up: they may have to accept you first', 'waits.refused.limit': 'their node keeps as much from you as it may',
  'waits.refused.logs': 'their node keeps as much from you as it may', 'waits.no_room': 'their disk is full',
  // notices of groups
  'notice.created': '{by} made {group}', 'notice.created.own': 'You made {group}', 'notice.joined': '{by} added {whom} to {group}', 'notice.joined.own': 'You added {whom} to {group}', 'notice.joined.mine': '{by} added you to {group}', 'notice.joined.nobody': 'Now in {group}: {whom}',
  'notice.left': 'Left {group}: {whom}', 'notice.left.own': 'You left {group}', 'notice.removed': '{by} removed {whom} from {group}', 'notice.removed.own': 'You removed {whom} from {group}', 'notice.removed.mine': '{by} removed you from {group}', 'notice.removed.nobody': 'Not in {group} any more: {whom}',
  'notice.renamed': '{by} renamed {was} to {group}', 'notice.renamed.own': 'You renamed {was} to {group}', 'notice.renamed.nobody': '{was} is called {group} now', 'notice.topic': '{by} set the topic of {group}: {text}', 'notice.topic.own': 'You set the topic of {group}: {text}', 'notice.topic.nobody': 'The topic of {group} is another now: {text}',
  'notice.cleared': '{by} cleared the topic of {group}', 'notice.cleared.own': 'You cleared the topic of {group}', 'notice.cleared.nobody': '{group} has no topic any more', 'notice.history': '{by} changed {group}: {history}', 'notice.history.own': 'You changed {group}: {history}', 'notice.history.nobody': '{group} was changed: {history}',
  'notice.role': '{by} gave {whom} a role in {group}: {role}', 'notice.role.own': 'You gave {whom} a role in {group}: {role}', 'notice.role.nobody': 'Role in {group} of {whom}: {role}', 'notice.frozen': '{group} was changed by a newer earshot, which you need too',
  'notice.void': 'The invitation to {group} doesn’t count; somebody else who is in it has to invite you', 'notice.lost': 'Nobody who is in {group} was here for 30 days, so the invitation to it is given up', 'notice.other': '{group} was changed',
  'policy.joined': 'newcomers read what is said from then on', 'policy.all': 'newcomers read everything', policyDays: { one: 'newcomers read the last day', other: 'newcomers read the last {n} days' },
  'role.owner': 'owner', 'role.admin': 'admin', 'role.member': 'member', role: 'Role',
  // what goes wrong
  'problem.': 'The node can’t be reached.', 'problem.unknown': 'Nobody is known by that name.', 'problem.ambiguous': 'Several fit that name.', 'problem.renamed': 'They are known here by another name.', 'problem.name_taken': 'That name is somebody else’s.', 'problem.name': 'A name has 1 to 64 visible characters, and does not look like an ID.',
  'problem.character': 'A name can’t have {character} there.', 'problem.empty': 'There is no text.', 'problem.text': 'This is not valid text.', 'problem.too_long': 'This is too long: a message has at most 64 KiB.', 'problem.acknowledged': 'Somebody has it already.', 'problem.undelivered': 'It can’t be delivered any more.',
  'problem.no_message': 'That message is not here any more.', 'problem.blocked': 'You have blocked them.', 'problem.words': 'Those are not the words.', 'problem.self': 'That is you.', 'problem.not_member': 'You are not in this group.', 'problem.not_permitted': 'Your role does not allow that.', 'problem.recalled': 'Its words were taken back.',
  'problem.group_full': 'The group is full.', 'problem.not_yours': 'Only who wrote a message can do that.', 'problem.too_late': 'It is too late: that goes for two minutes.', 'problem.emoji': 'That is no emoji.', 'problem.query': 'There is nothing to search for, or too much.', 'problem.no_room': 'The disk is full.', 'problem.not_contact': 'They are no contact.',
  'problem.contact': 'They are a contact already.', 'problem.no_file': 'There is no such file any more.', 'problem.unread': 'The browser can’t read it any more.', 'problem.too_large': 'This is too large.', 'problem.picture': 'What the picture tells can’t be taken out of it.', 'problem.voice': 'This is no voice note.', 'problem.changed': 'It was changed meanwhile.', 'problem.gone': 'Nobody who is here has it. It is fetched when somebody does.',
  'problem.not_held': 'It is not here yet.', 'problem.busy': 'The node is busy. Try again.', 'problem.uncertain': 'The disk failed. See whether it was done.', 'problem.stopping': 'The node is about to end.', 'problem.key_used': 'This was sent already, with another text.', 'problem.setting': 'There is no such setting.', 'problem.internal': 'Something went wrong ({code}).',
};
