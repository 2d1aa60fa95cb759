package server

import (
	"fmt"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/outbound"
	"github.com/scimbridge/scimbridge/seal/anchor"
)

// openAnchors makes those of a configuration. guard opens every connection; nil: a
// command carries nothing.
func openAnchors(c config.Config, guard *outbound.Guard) (all []anchor.Anchor, err error) {
	if guard == nil {
		return nil, nil
	}
	for setting, url := range map[string]string{
		"anchor_webhook_url": c.Anchors.WebhookURL, "anchor_witness_url": c.Anchors.WitnessURL,
		"anchor_timestamp_url": c.Anchors.TimeStampURL,
	} {
		if url != "" && guard.CheckURL(url) != nil {
			return nil, fmt.Errorf("%s: %w", setting, guard.CheckURL(url))
		}
	}
	client := guard.Client(anchorTimeout, 0)
	if c.Anchors.Folder != "" {
		folder, err := anchor.NewFolder(c.Anchors.Folder)
		if err != nil {
			return nil, fmt.Errorf("anchor_folder: %w", err)
		}
		all = append(all, folder)
	}
	if c.Anchors.WebhookURL != "" {
		all = append(all, anchor.Webhook{Client: client, URL: c.Anchors.WebhookURL})
	}
	if c.Anchors.WitnessURL != "" {
		witness, err := anchor.NewWitness(client, c.Anchors.WitnessURL, c.Anchors.WitnessKey)
		if err != nil {
			return nil, fmt.Errorf("anchor_witness_key: %w", err)
		}
		all = append(all, witness)
	}
	if c.Anchors.TimeStampURL != "" {
		all = append(all, anchor.TimeStamp{Client: client, URL: c.Anchors.TimeStampURL})
	}
	return all, nil
}
