package main

import (
	"os"
	"path/filepath"

	"github.com/CycloneDX/cyclonedx-go"
)

// bom writes the list of what is in the programs, in CycloneDX's format.
func (r *release) bom(modules []module) error {
	main := cyclonedx.Component{
		BOMRef: "earshot", Type: cyclonedx.ComponentTypeApplication, Name: "earshot", Version: r.version,
		PackageURL: "pkg:golang/github.com/earshot-im/earshot@" + r.version,
		Licenses:   licences([]string{"MIT"}),
	}
	var components []cyclonedx.Component
	var refs []string
	for _, m := range modules {
		ref := m.url()
		refs = append(refs, ref)
		components = append(components, cyclonedx.Component{
			BOMRef: ref, Type: cyclonedx.ComponentTypeLibrary, Name: m.path, Version: m.version,
			PackageURL: ref, Licenses: licences(m.licences),
		})
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: r.when.Format("2006-01-02T15:04:05Z07:00"), Component: &main}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	f, err := os.Create(filepath.Join(r.out, "earshot-"+r.version+".cdx.json"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return f.Close()
}

// licences lists licences that were found; nothing if none was.
func licences(names []string) *cyclonedx.Licenses {
	if len(names) == 0 {
		return nil
	}
	var all cyclonedx.Licenses
	for _, name := range names {
		all = append(all, cyclonedx.LicenseChoice{License: &cyclonedx.License{ID: name}})
	}
	return &all
}
