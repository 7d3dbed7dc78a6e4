// Command santral is the telephone exchange and everything that an operator types: serve, check
// and local run it, phone is a telephone for the command line, and the others ask a running
// exchange through its API.
package main

import (
	"os"

	"github.com/alecthomas/kong"
)

var commands struct {
	Serve         serve         `cmd:"" help:"Run the exchange from its boot file."`
	Check         check         `cmd:"" help:"Say everything that is wrong with a boot file and its tenant documents, and start nothing."`
	Local         local         `cmd:"" help:"Run the whole exchange on loopback with a sample tenant: for a first look, a test or a benchmark."`
	Phone         telephone     `cmd:"" help:"Be a telephone: register, call or answer, play and record sound."`
	Ready         ready         `cmd:"" help:"Tell whether new calls are taken."`
	Calls         calls         `cmd:"" help:"List the calls that are going on."`
	Dial          dial          `cmd:"" help:"Have an account rung and connected with a number."`
	Hangup        hangup        `cmd:"" help:"End a call."`
	Transfer      transfer      `cmd:"" help:"Send the other side of a call on, to a number or into another call."`
	Hold          hold          `cmd:"" help:"Have the other side of a call wait with music."`
	Resume        resume        `cmd:"" help:"Have the two of a call talk again."`
	Move          move          `cmd:"" help:"Bring a call to another phone of the account, or to a number."`
	Digits        digits        `cmd:"" help:"Press keys in a call."`
	Events        events        `cmd:"" help:"Show what happens, as it happens."`
	Webhooks      webhooks      `cmd:"" help:"Show what webhooks took, send it again, try one."`
	Alarms        alarms        `cmd:"" help:"List what is wrong, and say that it is known."`
	Registrations registrations `cmd:"" help:"List who is registered, and where."`
	Trunks        trunks        `cmd:"" help:"List the trunks, and how they stand."`
	Trunk         trunkCommand  `cmd:"" help:"Test one trunk."`
	CDRs          cdrs          `cmd:"" name:"cdr" aliases:"cdrs" help:"List call records, newest first."`
	Totals        totals        `cmd:"" help:"Add up call records."`
	Report        reportCommand `cmd:"" help:"Make a report of call records, or its file."`
	Archives      archives      `cmd:"" help:"List files of old records, or save one."`
	Proof         proof         `cmd:"" help:"Make all records from the ledger anew and compare them with what is stored."`
	Recordings    recordings    `cmd:"" help:"List recordings, get, verify or delete one."`
	Rooms         rooms         `cmd:"" help:"List conference rooms, show who is in one, and see to them."`
	Prompts       prompts       `cmd:"" help:"List what is said to callers; get, put, roll back or delete what a tenant has of its own."`
	Get           get           `cmd:"" help:"Show what is configured: a list (lines, trunks, routes …), or one entry."`
	Add           add           `cmd:"" help:"Add an entry to a list."`
	Set           set           `cmd:"" help:"Change keys of an entry, of a tenant or of the operator; what is not named stays."`
	Rm            remove        `cmd:"" help:"Take an entry or a tenant away."`
	Plan          planFiles     `cmd:"" help:"Say what documents would change, and which numbers would lead elsewhere."`
	Apply         applyFiles    `cmd:"" help:"Have documents be the configuration: all of them or none."`
	Undo          undo          `cmd:"" help:"Take a change of configuration back."`
	Revisions     revisions     `cmd:"" help:"List changes of configuration, or show one with its difference."`
	Export        export        `cmd:"" help:"Print documents as they stand, byte for byte, secrets sealed."`
	Route         routeCall     `cmd:"" help:"Say where a call would go, and why."`
	Completion    completion    `cmd:"" help:"Print the completion of commands for a shell: bash, zsh or fish."`
	Complete      complete      `cmd:"" hidden:"" help:"Print what may follow on a command line."`
	Trace         traceCall     `cmd:"" help:"Draw a call's SIP messages as a ladder."`
	Bans          bans          `cmd:"" help:"List the sources that are banned for guessing passwords."`
	Token         tokens        `cmd:"" help:"List, make and revoke tokens of programs."`
	User          people        `cmd:"" help:"Give a user a password, or take a second factor away."`
	Audit         auditCommand  `cmd:"" help:"List who did what, newest first."`
	Order         orderLine     `cmd:"" help:"Make a line ready: the next free number, a password, a device, a link and a letter."`
	Free          free          `cmd:"" help:"List numbers that a tenant may have."`
	Letter        letterCommand `cmd:"" help:"Write the letter to the subscriber of an account."`
	Link          link          `cmd:"" help:"Make another link by which a phone sets itself up, or another password."`
	Cease         cease         `cmd:"" help:"Give a line's number back."`
	MoveIn        moveIn        `cmd:"" name:"move-in" help:"Have people live in a unit."`
	MoveOut       moveOut       `cmd:"" name:"move-out" help:"Have nobody live in a unit any more."`
	Table         struct {
		Export tableExport `cmd:"" help:"Write a list as a CSV file for spreadsheets."`
		Import tableImport `cmd:"" help:"Add and change the entries of a list by a CSV file; of orders each row is one."`
	} `cmd:"" help:"Lists as tables, there and back."`
	Backup  backup  `cmd:"" help:"Save everything that a running exchange must keep in one archive."`
	Restore restore `cmd:"" help:"Make the data folder of an exchange, and its database, of an archive."`
	Version version `cmd:"" help:"Print the version."`
}

func main() {
	k := kong.Parse(&commands,
		kong.Name("santral"),
		kong.Description("A SIP telephone exchange: an operator's SIP service and an organisation's IP PBX."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	k.FatalIfErrorf(k.Run())
	os.Exit(0)
}
