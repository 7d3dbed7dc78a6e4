package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"santral/service/revision"
)

// NewResident is somebody who moves in.
type NewResident struct {
	Name   string `json:"name" maxLength:"128" minLength:"1"`
	Mobile string `json:"mobile,omitempty" maxLength:"20"`
	Mail   string `json:"mail,omitempty" maxLength:"200"`
}

// MoveIn has people live in a unit: its accounts present the first one's name, and have new passwords, whose letters are the
// new residents'.
func (o *Office) MoveIn(ctx context.Context, tenantID, unit string, residents []NewResident, since time.Time, days int, by revision.Author) ([]Setup, error) {
	if len(residents) == 0 {
		return nil, errors.New("nobody moves in: name at least one resident")
	}
	var list []map[string]any
	for _, r := range residents {
		one := map[string]any{"name": r.Name, "since": since.Format(time.DateOnly)}
		if r.Mobile != "" {
			one["mobile"] = r.Mobile
		}
		if r.Mail != "" {
			one["mail"] = r.Mail
		}
		list = append(list, one)
	}
	return o.settle(ctx, tenantID, unit, residents[0].Name, list, days, by)
}

// MoveOut has nobody live in a unit: its accounts present its door, and have passwords that nobody knows, so that the phones of
// who left are the unit's no more.
func (o *Office) MoveOut(ctx context.Context, tenantID, unit string, by revision.Author) error {
	_, err := o.settle(ctx, tenantID, unit, "", nil, 0, by)
	return err
}

// settle writes down who lives in a unit, in one revision. With name "" nobody does.
func (o *Office) settle(ctx context.Context, tenantID, unit, name string, residents []map[string]any, days int, by revision.Author) ([]Setup, error) {
	e, err := o.cfg.Book.Entry(tenantID, "units", unit)
	if errors.Is(err, revision.ErrNotFound) {
		return nil, fmt.Errorf("unit %s: %w", unit, ErrNoNoun)
	}
	if err != nil {
		return nil, err
	}
	var was struct {
		Accounts []string `json:"accounts"`
	}
	if err := json.Unmarshal(e.Value, &was); err != nil {
		return nil, fmt.Errorf("read unit %s: %w", unit, err)
	}
	shown := name
	if shown == "" {
		shown = unit
	}
	patch := map[string]any{"residents": nil}
	if residents != nil {
		patch["residents"] = residents
	}
	c := revision.Change{Author: by, Edits: []revision.Edit{{Tenant: tenantID, List: "units", Key: unit, Do: revision.Patch, Value: object(patch)}}}
	var lines []Setup
	for _, number := range was.Accounts {
		line := Setup{Tenant: tenantID, Number: number, Name: shown, Password: Password()}
		list, err := o.listOf(tenantID, number)
		if err != nil {
			return nil, err
		}
		c.Edits = append(c.Edits, revision.Edit{Tenant: tenantID, List: list, Key: number, Do: revision.Patch, Value: object(map[string]any{"name": shown, "password": line.Password, "ha1": nil})})
		lines = append(lines, line)
	}
	r, err := o.cfg.Book.Apply(ctx, c)
	if err != nil {
		return nil, err
	}
	for i := range lines {
		line := &lines[i]
		if err := o.cfg.Links.DeleteLinks(ctx, tenantID, line.Number); err != nil {
			return nil, err
		}
		line.Revision = r.Number
		o.describe(line)
		if name == "" {
			continue
		}
		if err := o.link(ctx, line, days); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// listOf is the list that an account stands in.
func (o *Office) listOf(tenantID, number string) (string, error) {
	for _, list := range []string{"lines", "extensions"} {
		_, err := o.cfg.Book.Entry(tenantID, list, number)
		if err == nil {
			return list, nil
		}
		if !errors.Is(err, revision.ErrNotFound) {
			return "", err
		}
	}
	return "", fmt.Errorf("account %s: %w", number, ErrNoNoun)
}
