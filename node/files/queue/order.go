package queue

import (
	"cmp"
	"slices"
)

func insert[K comparable](list *[]*item[K], i *item[K], order func(a, b *item[K]) int) {
	at, _ := slices.BinarySearchFunc(*list, i, order)
	*list = slices.Insert(*list, at, i)
}

func remove[K comparable](list *[]*item[K], i *item[K], order func(a, b *item[K]) int) {
	at, _ := slices.BinarySearchFunc(*list, i, order)
	*list = slices.Delete(*list, at, at+1)
}

func bySize[K comparable](a, b *item[K]) int {
	return cmp.Or(last(a, b), cmp.Compare(a.need, b.need), cmp.Compare(a.turn, b.turn))
}

func byUntil[K comparable](a, b *item[K]) int {
	return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.turn, b.turn))
}

func byTurn[K comparable](a, b *item[K]) int {
	return cmp.Or(last(a, b), cmp.Compare(a.turn, b.turn))
}

// byPerson orders what is next of different persons.
func byPerson[K comparable](a, b *item[K]) int {
	return cmp.Or(last(a, b), cmp.Compare(a.of.running, b.of.running), cmp.Compare(a.of.turn, b.of.turn), cmp.Compare(a.turn, b.turn))
}

// last orders what is only tried again behind everything else.
func last[K comparable](a, b *item[K]) int {
	switch {
	case a.tried == b.tried:
		return 0
	case a.tried:
		return 1
	}
	return -1
}
