// The emoji that are offered, with their names in English and German. The English ones are those of the terminal.

const ALL = `👍 thumbsup daumen|❤️ heart herz|😂 laughing lachen|🎉 tada feier|😮 open_mouth staunen|😢 cry weinen|🙏 thanks danke|👀 eyes augen|✅ check erledigt
😀 grinning grinsen|😃 smiley freude|😄 smile lächeln|😁 grin strahlen|😅 sweat schwitzen|🤣 rofl totlachen|😊 blush erröten|🙂 slight_smile leicht|🙃 upside_down kopfüber|😉 wink zwinkern|😍 heart_eyes verliebt|🥰 adore anhimmeln
😘 kiss kuss|😋 yum lecker|😛 tongue zunge|🤪 zany verrückt|🤗 hug umarmen|🤔 thinking denken|🤫 shush leise|🤐 zipper schweigen|😐 neutral neutral|😑 expressionless ausdruckslos|😶 no_mouth sprachlos|😏 smirk schmunzeln
🙄 eye_roll augenrollen|😬 grimace zähne|😌 relieved erleichtert|😔 pensive bedrückt|😴 sleepy schlafen|😷 mask maske|🤒 sick krank|🤯 mind_blown umwerfend|🥳 party party|😎 cool sonnenbrille|🤓 nerd streber|🧐 monocle prüfen
😕 confused verwirrt|😟 worried besorgt|🙁 frown traurig|😲 astonished überrascht|😳 flushed verlegen|🥺 pleading bitten|😨 fear angst|😰 anxious nervös|😭 sob heulen|😱 scream schrei|😞 disappointed enttäuscht|😩 weary müde
🥱 yawn gähnen|😤 huff schnauben|😠 angry wütend|😡 rage zorn|🤬 swear fluchen|😈 devil teufel|💀 skull schädel|💩 poop haufen|🤡 clown clown|👻 ghost gespenst|👽 alien alien|🤖 robot roboter
👋 wave winken|✋ raised_hand hand|👌 ok okay|🤏 pinch wenig|✌️ v sieg|🤞 crossed_fingers daumendrücken|🤟 love_you lieb|🤘 rock rock|👈 point_left links|👉 point_right rechts|👆 point_up oben|👇 point_down unten
☝️ index zeigefinger|👎 thumbsdown daumenrunter|✊ fist faust|👊 punch stoß|👏 clap klatschen|🙌 raised_hands jubel|🤝 handshake handschlag|💪 muscle stark|🖖 vulcan vulkan|🫡 salute salut|🤷 shrug schulterzucken|🤦 facepalm stirn
🙋 raising melden|🙇 bow verbeugen|💁 info auskunft|🏃 run laufen|🚶 walk gehen|💃 dance tanzen|👶 baby baby|👩 woman frau|👨 man mann|👪 family familie|👤 person person|👥 people leute
💙 blue_heart blau|💚 green_heart grün|💛 yellow_heart gelb|🧡 orange_heart orange|💜 purple_heart lila|🖤 black_heart schwarz|💔 broken_heart liebeskummer|💯 hundred hundert|💥 boom knall|💫 dizzy schwindel|💤 zzz schnarchen|💬 speech sprechen
🐶 dog hund|🐱 cat katze|🐭 mouse maus|🐰 rabbit hase|🦊 fox fuchs|🐻 bear bär|🐼 panda panda|🐸 frog frosch|🐵 monkey affe|🐔 chicken huhn|🐧 penguin pinguin|🐦 bird vogel
🦆 duck ente|🦉 owl eule|🐴 horse pferd|🦄 unicorn einhorn|🐝 bee biene|🐛 bug käfer|🦋 butterfly schmetterling|🐌 snail schnecke|🐢 turtle schildkröte|🐙 octopus krake|🐟 fish fisch|🐳 whale wal
🌸 blossom blüte|🌹 rose rose|🌻 sunflower sonnenblume|🌳 tree baum|🌵 cactus kaktus|🍀 clover klee|🍁 leaf blatt|🌍 earth erde|🌙 moon mond|☀️ sun sonne|⛅ cloud wolke|🌧️ rain regen
⛈️ storm gewitter|❄️ snow schnee|🌈 rainbow regenbogen|☔ umbrella schirm|⚡ zap blitz|🔥 fire feuer|💧 drop tropfen|⭐ star stern|✨ sparkles glitzer|🍎 apple apfel|🍌 banana banane|🍓 strawberry erdbeere
🍋 lemon zitrone|🍉 melon melone|🥑 avocado avocado|🥕 carrot karotte|🍞 bread brot|🥨 pretzel brezel|🧀 cheese käse|🥚 egg ei|🍕 pizza pizza|🍔 burger burger|🍟 fries pommes|🌭 hotdog würstchen
🥗 salad salat|🍜 noodles nudeln|🍣 sushi sushi|🍰 cake kuchen|🎂 birthday geburtstag|🍪 cookie keks|🍫 chocolate schokolade|🍦 ice_cream eis|☕ coffee kaffee|🍵 tea tee|🍺 beer bier|🍷 wine wein
🥂 cheers prost|🍽️ meal essen|⚽ soccer fußball|🏀 basketball basketball|🎾 tennis tennis|🏓 ping_pong tischtennis|🎮 game spiel|🎲 dice würfel|🎯 target ziel|🏆 trophy pokal|🥇 gold gold|🎵 music musik
🎸 guitar gitarre|🎨 art kunst|🎬 movie film|🎁 gift geschenk|🎈 balloon ballon|🚗 car auto|🚲 bike fahrrad|🚆 train zug|🚌 bus bus|✈️ plane flugzeug|🚀 rocket rakete|⛵ boat boot
🚚 truck lastwagen|🚧 construction baustelle|🚦 traffic ampel|🏠 house haus|🏢 office büro|🏖️ beach strand|⛰️ mountain berg|🏕️ camp zelten|⌚ watch uhr|⏰ alarm wecker|⏳ hourglass sanduhr|📅 calendar kalender
💻 computer rechner|🖥️ desktop bildschirm|🖨️ printer drucker|📱 mobile handy|📞 phone telefon|📷 camera kamera|🔋 battery batterie|🔌 plug stecker|💡 bulb idee|🔦 torch taschenlampe|📧 email mail|📦 package paket
📝 memo notiz|✏️ pencil bleistift|📎 paperclip büroklammer|📌 pushpin pinnnadel|📁 folder ordner|📊 chart diagramm|📈 rising steigend|📉 falling fallend|📚 books bücher|🔍 mag lupe|🔗 link verknüpfung|✂️ scissors schere
🔑 key schlüssel|🔒 lock schloss|🔓 unlock offen|🔧 wrench werkzeug|🔨 hammer hammer|⚙️ cog zahnrad|🧪 test versuch|💊 pill tablette|🧹 broom besen|💰 money geld|💳 card karte|🛒 cart einkaufen
🔔 bell glocke|🔕 no_bell stumm|🚩 flag fahne|🏁 finish zielflagge|❓ question frage|❗ exclamation ausruf|⚠️ warning warnung|⛔ stop halt|🚫 forbidden verboten|❌ cross falsch|➕ plus plus|➖ minus minus
🔴 red rot|🟢 green grünlicht|🟡 yellow gelblicht|🔵 blue blaulicht|⬆️ up hoch|⬇️ down runter|➡️ right weiter|⬅️ left zurück|🔄 refresh erneut|🆗 ok_button ok|🆕 new neu|🆘 sos hilfe`;

export const emoji = ALL.split(/[|\n]/).map(e => {
  const [sign, name, german] = e.split(' ');
  return { sign, name, german };
});

// QUICK are those that are offered first for reactions.
export const QUICK = emoji.slice(0, 9);

// find returns those whose name, in either language, begins so, then those whose name has it.
export function find(part) {
  const p = part.toLocaleLowerCase();
  const begins = e => e.name.startsWith(p) || e.german.startsWith(p), has = e => e.name.includes(p) || e.german.includes(p);
  return [...emoji.filter(begins), ...emoji.filter(e => !begins(e) && has(e))];
}
