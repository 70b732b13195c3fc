// The texts in English that are shown by what is loaded after the list of conversations.

export const texts = {
  // what is done with messages
  actions: 'What to do with this message', reply: 'Reply', react: 'React', edit: 'Edit', forward: 'Forward', forwardTo: 'Forward to', copy: 'Copy the text', copied: 'Copied', notCopied: 'The browser does not let this page copy.', takeBack: 'Take it back',
  mono: 'Letters of one width, or not any more', jump: 'Go to what it answers', whoHas: 'Who has it', aboutMessage: 'About this message', markUnread: 'Mark unread', markedUnread: 'Marked unread', notYours: 'Only who wrote a message can do that.',
  cancelAsk: 'Nobody has it yet: take it back?', recallAsk: 'Take the words back everywhere?', sentTo: { one: 'Sent to {n} conversation', other: 'Sent to {n} conversations' },
  from: 'From', writtenAt: 'written {when}', written: 'Written', arrived: 'Arrived', reactions: 'Reactions', chooseEmoji: 'Choose an emoji', emoji: 'Emoji', often: 'Often used', takeYours: 'Take your {emoji} back',
  // writing
  writeHere: 'Write a message', send: 'Send', answering: 'Answering {who}:', changing: 'Changing your message', suggestions: 'Suggestions', addFile: 'Add files', addFolder: 'Add a folder', filesToSend: 'Files that go with the message', readingFile: 'Reading the file',
  remove: 'Remove', dropHere: 'Drop files here to send them', record: 'Record a voice note', recording: 'Recording', voiceName: 'Voice note', noMicrophone: 'The browser gives this page no microphone.', play: 'Play', cantPlay: 'This browser can’t play it. You can save it.',
  frozen: 'A newer earshot has changed this group in a way that this one can’t follow. Update it to write here.', out: 'You are not in this group any more.', outShort: 'you are not in it any more', blockedThem: 'You have blocked them. Unblock them to write again.',
  pictureAsk: '{name} may tell where it was taken, and by which device. Send it as it is?', sendAsIs: 'Send it as it is',
  // files
  save: 'Save', saveWaits: 'It is saved once the file before it is.', fetch: 'Fetch', pause: 'Pause', resume: 'Go on', decline: 'Decline', dropCopy: 'Delete the copy here', showPicture: 'Show {name}', filesHere: 'Files of this conversation', filesAgain: 'The node no longer has the files. They are read in once more: then send again.', noFiles: 'No files were sent yet.', givenTo: '{part} at {who}',
  'file.offered': 'not fetched yet', 'file.offered.by_hand': 'waits for you', 'file.fetching': 'fetching {part}', 'file.paused': 'paused at {part}', 'file.paused.no_room': 'paused: this disk is full', 'file.paused.no_source': 'waits for somebody who has it', 'file.held': 'here', 'file.kept': 'kept',
  'file.declined': 'declined', 'file.declined.refused': 'refused: it has paths that no folder may have', 'file.changed': 'changed since it was sent', 'file.gone': 'gone', 'file.in_place': 'sent from where it is',
  // people
  newcomer: 'Not a contact yet. Accept or block them, or compare words to be sure who they are.', sameName: 'This is not your contact {who}, but another person with the same name: somebody else, or the same human on a new machine. Compare words before you trust them.', sameNameHere: 'Another person with the same name', seeThem: 'See them',
  successor: '{who} calls themselves so too, and came after {old} was last here. It may be the same human on a new machine, or somebody else.', replace: 'Put in the place of {who}', resend: 'What still waits for the old one goes to the new one', replaced: '{who} is in the place of the old one now.',
  replacedNot: 'The old one is still in {groups}: ask an owner or an admin there.', compareInstead: 'Ask {who} face to face or by phone, not in a message: an impostor sees these words too. Only if they are the same is this the human you know; then their name means this person from now on.',
  isContact: 'One of your contacts. Nobody has compared words with them yet.', isVerified: 'You have compared words: this is who they say.',
  accept: 'Accept', accepted: '{who} is a contact now', block: 'Block', blockAsk: 'Block {who}? They are not told.', unblock: 'Unblock', forget: 'Take out of contacts', forgetAsk: 'Take {who} out of your contacts?', stillWaits: { one: '{n} message still waits for them', other: '{n} messages still wait for them' },
  dismiss: 'Dismiss', nickname: 'Nickname', askNick: 'Nickname, which only you see', askNickTaken: 'Somebody else is known by their name. Nickname for them', nameAnyway: '{name} already means somebody or a group here. Use it all the same?', noPeople: 'Nobody is known yet.', noRequests: 'Nobody waits to be accepted.',
  invites: { one: 'invites you to {group}, of {n} member', other: 'invites you to {group}, of {n} members' }, moreWaits: 'More waits: accept to get it.', compare: 'Compare words', compareWith: 'Compare words with {who}', compareLong: 'Read these words to each other, face to face or by phone, never by text. Both of you must see the same.',
  differ: 'If they differ, somebody may be between you: don’t trust this conversation.', same: 'They are the same', notSame: 'They differ', showCode: 'Show as a QR code', wordsCode: 'The words as a QR code', verifiedNow: '{who} is verified',
  // groups
  makeGroup: 'Make a group', make: 'Make', askGroup: 'Name of the group', askTopic: 'Topic of the group', topic: 'Topic', invite: 'Invite', rename: 'Rename', leave: 'Leave', leaveAsk: 'Leave {group}?', hide: 'Hide from lists', removeAsk: 'Remove {who} from the group?', youAre: 'Your role: {role}',
  invitedBy: 'added by {who}', newcomersRead: 'What newcomers read', 'read.joined': 'what is said from then on', 'read.all': 'everything', readDays: { one: 'the last day', other: 'the last {n} days' }, toSeveral: 'One text to several', askText: 'Text for all of them',
  // what is set for a conversation
  notify: 'Notify me of', 'notify.all': 'all messages', 'notify.mentions': 'mentions of me', 'notify.none': 'nothing', mute1: 'Mute 1 hour', mute8: 'Mute 8 hours', muteWeek: 'Mute 1 week', unmute: 'Not muted', mutedUntil: 'Muted until {when}', pin: 'Pin', unpin: 'Unpin', archive: 'Archive', unarchive: 'Out of the archive',
  // searching
  searchFor: 'Words to search for', searchHere: 'Search here', searchIn: 'Search in {where}', searching: 'Searching …', foundCount: { one: '{n} message found', other: '{n} messages found' }, notFound: 'Nothing was found.', mineOnly: 'Only what I wrote', goTo: 'Go to',
  noOutbox: 'Nothing waits.',
  // settings
  yourName: 'Your name', whoMayWrite: 'Who may write to you?', everyone: 'Everyone on this network', contactsAsk: 'Contacts; others ask first', contactsOnly: 'Contacts only; others wait to be accepted', setReceipts: 'Others learn that you have read', setTyping: 'Others see that you write, and you that they do',
  setPresence: 'Contacts see that you are away, and you that they are', notifications: 'Notifications', alertsAsk: 'Let this browser show notifications', alertsOn: 'This browser shows notifications, unless your desktop does.', alertsDenied: 'This browser was told not to show notifications of this page.',
  alertsShow: 'Notifications show', 'alerts.full': 'who and what', 'alerts.name': 'only who', 'alerts.nothing': 'neither', quietHours: 'Quiet hours', from_: 'From', to_: 'to', addQuiet: 'Add quiet hours', lastDay: 'Quiet hours are on one day at least. To end them, remove them.', filesAuto: 'Files of contacts and groups are fetched by themselves', 'auto.default': 'on a desktop', 'auto.on': 'yes', 'auto.off': 'no',
  language: 'Language', asBrowser: 'As the browser', thisPage: 'This page', closing: 'When you close this page, your node goes on, and messages still arrive.', showArchived: 'Show archived conversations', endSession: 'End this session',
  welcome: 'Welcome to earshot', askName: 'What do colleagues call you?', ready: 'You are ready',
  atLogin: 'Start my node when I log in, so that messages arrive', startupOn: 'It starts each time you log in.', startupOff: 'It does not start by itself when you log in.', 'startup.unavailable': 'Here earshot can’t have a program started when you log in.',
  'startup.elsewhere': 'Another node of yours starts when you log in, and there can be only one.', 'startup.foreign': 'It can’t be started when you log in: there is a service called earshot that this program has not made.', 'startup.everyones': 'The administrator has it start for all users of this machine.',
  'startup.system': 'The administrator has set up how this node starts.', 'startup.passphrase': 'Your node has a passphrase. In a terminal, earshot service install --passphrase-file has it read from a file when you log in.', 'startup.path': 'It can’t be started when you log in: the names of its folders have characters that the system does not take.',
  'startup.failed': 'Starting it when you log in could not be set up. In a terminal, earshot service install says why.', recovery: 'Recovery words', inAWeek: 'Remind me in a week',
  recoveryLong: '24 words that are meant for the day on which this machine is lost. They are still on it, and are to be on paper instead. Type this in a terminal, where nobody looks:',
  recoveryNot: 'This page never shows them. This version of earshot can’t take them yet; a later one is to make you the same person again by them.',
  // help
  helpLong: 'Everything can be done with keys. A message is selected by clicking it, or with PgUp.', keysPage: 'Anywhere', keysWrite: 'While you write', keysSelect: 'While a message is selected', 'key.switch': 'Go to a conversation', 'key.step': 'Conversation before or after', 'key.unread': 'Next unread conversation', 'key.esc': 'Close, or to the end',
  'key.line': 'New line', 'key.editLast': 'Change your last message, if nothing is written', 'key.complete': 'Names and emoji, with Tab', 'key.select': 'Select messages', 'key.other': 'Another message', 'key.write': 'Back to writing',
};
