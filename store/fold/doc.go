// Package fold is how search compares texts: two texts, or pieces of them, are the same for a search
// if they have the same folded form. Fold makes that form, Parse makes a Query of what somebody types,
// Query.In compares, and Query.Marks says where in the original text a hit stands.
//
// The folded form is NFKC with case folded and with what nobody can see left out, so ＡＢＣ, ﬁ, ², Ⅳ and
// ﷺ are found by abc, fi, 2, iv and صلى. An accent is part of its letter: ä isn't a, however either is
// written. Fold says all the rules. A text that somebody typed is found by each part of it that ends
// where a letter ends; there are no words in this package, so Chinese and prefixes need nothing of
// their own.
//
// A text is folded in segments: a character, the marks on it and the unseen characters after it.
// The form of a text is that of its segments one after another (of two spaces that meet, one stays).
// That is why a place in the form leads back to a place in the text.
//
// Everything here is a function of its arguments. What comes in may be hostile: any bytes, of any
// length. The work is linear in the length of a text, and memory is a fixed multiple of it.
// Folded forms change with Unicode and with these rules, so whoever keeps them keeps Version beside
// them, and makes them again when it differs.
package fold
