package service

import (
	"errors"

	"golang.org/x/sys/windows/registry"
)

// readRunKey returns the value; "" if there is none.
func readRunKey() string {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKeyPath, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer key.Close()
	value, _, err := key.GetStringValue(runKeyValue)
	if err != nil {
		return ""
	}
	return value
}

func writeRunKey(value string) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKeyPath, registry.SET_VALUE)
	if err != nil {
		return err
	}
	return errors.Join(key.SetStringValue(runKeyValue, value), key.Close())
}

func deleteRunKey() error {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKeyPath, registry.SET_VALUE)
	if err != nil {
		return err
	}
	err = key.DeleteValue(runKeyValue)
	if errors.Is(err, registry.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, key.Close())
}
