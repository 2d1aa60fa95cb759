package scim

import "strings"

// shop is an extension that no schema describes.
const shop = "urn:example:params:scim:schemas:extension:shop:2.0:User"

// inShop makes a rule about that extension; {S} in its operations is the URN.
func inShop(name, before, ops, after string) rule {
	r := rule{name: name, ops: strings.ReplaceAll(ops, "{S}", shop), after: `{}`}
	if before != "" {
		r.before = `{"` + shop + `":` + before + `}`
	}
	if after != "" {
		r.after = `{"` + shop + `":` + after + `}`
	}
	return r
}

func refusedInShop(name, before, ops, scimType string) rule {
	r := inShop(name, before, ops, "")
	r.after, r.refuse = "", scimType
	return r
}

// unlistedRules: RFC 7644 section 3.5.2 for attributes that are known only by
// their value.
var unlistedRules = []rule{
	inShop("unlisted: a filtered removal takes what it selects",
		`{"lines":[{"value":"L1","display":"one"},{"value":"L2"}],"Tags":["a","b"]}`,
		`[{"op":"remove","path":"{S}:LINES[Value eq \"l1\"]"},{"op":"remove","path":"{S}:tags[value eq \"b\"]"},`+
			`{"op":"remove","path":"{S}:lines[value eq \"no\"]"}]`,
		`{"lines":[{"value":"L2"}],"Tags":["a"]}`),
	inShop("unlisted: the last one unassigns", `{"lines":[{"value":"L1"}]}`,
		`[{"op":"remove","path":"{S}:lines[value eq \"L1\"]"}]`, ""),
	inShop("unlisted: a filtered removal of a part", `{"lines":[{"value":"L1","Qty":2},{"value":"L2","qty":3}]}`,
		`[{"op":"remove","path":"{S}:lines[value sw \"L\"].qty"}]`, `{"lines":[{"value":"L1"},{"value":"L2"}]}`),
	inShop("unlisted: an element without a part is none", `{"lines":[{"qty":1},{"qty":2}]}`,
		`[{"op":"remove","path":"{S}:lines[qty eq 1].qty"}]`, `{"lines":[{"qty":2}]}`),
	inShop("unlisted: add appends what is not there", `{"devices":["tablet"],"lines":[{"value":"L1","n":1.0}]}`,
		`[{"op":"add","path":"{S}:devices","value":["phone","tablet","Tablet"]},{"op":"add","path":"{S}:Devices",`+
			`"value":"car"},
			{"op":"add","path":"{S}:lines","value":[{"VALUE":"L1","N":1,"primary":false},{"value":"L1","n":2}]},
				{"op":"add",`+
			`"path":"{S}:lines","value":null}]`,
		`{"devices":["tablet","phone","Tablet","car"],"lines":[{"value":"L1","n":1.0},{"value":"L1","n":2}]}`),
	inShop("unlisted: add without a path", `{"devices":["tablet"],"desk":{"city":"Bonn"}}`,
		`[{"op":"add","value":{"{S}":{"Devices":["phone"],"desk":{"Floor":3}},"{S}:devices":["car"],`+
			`"{S}:desk.room":"1"}}]`,
		`{"devices":["tablet","phone","car"],"desk":{"city":"Bonn","Floor":3,"room":"1"}}`),
	inShop("unlisted: a part of a part", `{"desk":{"at":{"city":"Bonn","rooms":["1"]}}}`,
		`[{"op":"add","path":"{S}:desk.AT.rooms","value":["2"]},{"op":"remove","path":"{S}:desk.at.city"}]`,
		`{"desk":{"at":{"rooms":["1","2"]}}}`),
	inShop("unlisted: a filtered replace keeps the others",
		`{"lines":[{"value":"L1","display":"one"},{"value":"L2"}],"tags":["a","b"]}`,
		`[{"op":"replace","path":"{S}:lines[value eq \"L1\"]","value":{"value":"L3","qty":1}},{"op":"replace",`+
			`"path":"{S}`+
			`:tags[value eq \"b\"]","value":"c"}]`,
		`{"lines":[{"value":"L3","qty":1},{"value":"L2"}],"tags":["a","c"]}`),
	inShop("unlisted: a filtered add merges", `{"lines":[{"value":"L1","tags":["a"]},{"value":"L2"}]}`,
		`[{"op":"add","path":"{S}:lines[value eq \"L1\"]","value":{"qty":1,"Tags":["b"]}}]`,
		`{"lines":[{"value":"L1","tags":["a","b"],"qty":1},{"value":"L2"}]}`),
	inShop("unlisted: a part of the selected", `{"lines":[{"value":"L1","Qty":1},{"value":"L2","Qty":1}],"tags":["a",`+
		`"b"]}`,
		`[{"op":"replace","path":"{S}:lines[value eq \"L2\"].qty","value":5},{"op":"add","path":"{S}:tags[value eq `+
			`\"a\"]`+
			`.display","value":"A"},
			{"op":"replace","path":"{S}:tags[value eq \"b\"].value","value":"c"}]`,
		`{"lines":[{"value":"L1","Qty":1},{"value":"L2","Qty":5}],"tags":[{"value":"a","display":"A"},"c"]}`),
	inShop("unlisted: a part of all", `{"lines":[{"value":"L1"},{"value":"L2"}]}`,
		`[{"op":"add","path":"{S}:lines.unit","value":"kg"}]`,
		`{"lines":[{"value":"L1","unit":"kg"},{"value":"L2","unit":"kg"}]}`),
	inShop("unlisted: an element is made once", "",
		`[{"op":"add","path":"{S}:lines[type eq \"a\" and primary eq true].value","value":"1"},{"op":"replace",`+
			`"path":"{S}`+
			`:lines[type eq \"a\" and primary eq true].qty","value":2}]`,
		`{"lines":[{"type":"a","primary":true,"value":"1","qty":2}]}`),
	refusedInShop("unlisted: an element that cannot be made", "",
		`[{"op":"replace","path":"{S}:lines[value co \"a\"].qty","value":1}]`, typeNoTarget),
	refusedInShop("unlisted: a filter on one value", `{"desk":{"city":"Bonn"}}`,
		`[{"op":"remove","path":"{S}:desk[city eq \"Bonn\"]"}]`, typeInvalidPath),
	refusedInShop("unlisted: a part of a text", `{"badge":"7"}`,
		`[{"op":"add","path":"{S}:badge.colour","value":"red"}]`, typeInvalidPath),
	refusedInShop("unlisted: a list for an element", `{"lines":[{"value":"L1"}]}`,
		`[{"op":"replace","path":"{S}:lines[value eq \"L1\"]","value":["a","b"]}]`, typeInvalidValue),
	inShop("unlisted: a sub-attribute is no key with a dot", `{"desk":{"City":"Bonn"}}`,
		`[{"op":"replace","path":"{S}:desk.city","value":"Ulm"},{"op":"add","path":"{S}:desk.floor","value":3},`+
			`{"op":"add","value":{"{S}":{"desk.room":"1","chair.colour":"red"}}}]`,
		`{"desk":{"City":"Ulm","floor":3,"room":"1"},"chair":{"colour":"red"}}`),
	inShop("unlisted: removal of a sub-attribute", `{"desk":{"City":"Bonn","floor":3},"chair":{"colour":"red"},`+
		`"badge":"7"}`,
		`[{"op":"remove","path":"{S}:desk.city"},{"op":"remove","path":"{S}:chair.Colour"},{"op":"remove","path":"{S}`+
			`:badge.colour"},{"op":"remove","path":"{S}:no.part"}]`,
		`{"desk":{"floor":3},"badge":"7"}`),
	inShop("unlisted: an object merges where the path says", `{"desk":{"city":"Bonn","floor":3,"tags":["a"]}}`,
		`[{"op":"replace","path":"{S}:Desk","value":{"Floor":4,"city":null}},{"op":"add","path":"{S}:desk",`+
			`"value":{"tags":["b"]}},{"op":"add","path":"{S}:chair","value":{"colour":"red"}}]`,
		`{"desk":{"floor":4,"tags":["a","b"]},"chair":{"colour":"red"}}`),
	inShop("unlisted: an object at the path of nothing", "",
		`[{"op":"add","path":"{S}:desk","value":{"city":"Bonn"}},{"op":"replace","path":"{S}:user","value":{"a":1}}]`,
		`{"desk":{"city":"Bonn"},"user":{"a":1}}`),
	inShop("unlisted: removal by value",
		`{"carts":[{"value":"keep"},{"value":"drop"},{"value":"Drop"}],"tags":["a","b"]}`,
		`[{"op":"remove","path":"{S}:carts","value":[{"value":"drop","display":"","primary":false},{"value":"no"}]},`+
			`{"op":"remove","path":"{S}:tags","value":"b"},
			{"op":"remove","path":"{S}:tags","value":[]},{"op":"remove","path":"{S}:carts","value":{"value":"keep",
				"qty":1}}]`,
		`{"carts":[{"value":"keep"},{"value":"Drop"}],"tags":["a"]}`),
	inShop("unlisted: removal without a value", `{"carts":[{"value":"a"}],"tags":["a"],"badge":"7"}`,
		`[{"op":"remove","path":"{S}:carts"},{"op":"remove","path":"{S}:tags","value":null}]`, `{"badge":"7"}`),
	inShop("unlisted: replace of a list", `{"tags":["a"],"lines":[{"value":"L1"}]}`,
		`[{"op":"replace","path":"{S}:tags","value":["b","b",null]},{"op":"replace","path":"{S}:lines",`+
			`"value":{"value":"L2"}}]`,
		`{"tags":["b","b",null],"lines":[{"value":"L2"}]}`),
	inShop("unlisted: texts, numbers and booleans", `{"badge":"7","floor":3,"remote":false}`,
		`[{"op":"replace","path":"{S}:Badge","value":"8"},{"op":"add","path":"{S}:floor","value":4},{"op":"replace",`+
			`"value":{"{S}:remote":true}}]`,
		`{"badge":"8","floor":4,"remote":true}`),
	inShop("unlisted: a list for a text", `{"badge":"7"}`,
		`[{"op":"add","path":"{S}:badge","value":["8"]},{"op":"remove","path":"{S}:badge","value":["9"]}]`,
		`{"badge":["7","8"]}`),
	inShop("unlisted: one primary", `{"carts":[{"value":"a","Primary":true},{"value":"b"}]}`,
		`[{"op":"add","path":"{S}:carts","value":[{"value":"c","primary":true}]},{"op":"replace",`+
			`"path":"{S}:carts[value `+
			`eq \"b\"].primary","value":true}]`,
		`{"carts":[{"value":"a","Primary":false},{"value":"b","primary":true},{"value":"c","primary":false}]}`),
	inShop("unlisted: numbers are told apart by all their digits",
		`{"ids":[{"value":12345678901234567890},{"value":12345678901234567891}]}`,
		`[{"op":"remove","path":"{S}:ids[value eq 12345678901234567891]"}]`,
		`{"ids":[{"value":12345678901234567890}]}`),
	inShop("unlisted: an attribute named as another", `{"active":true,"manager":"M"}`,
		`[{"op":"remove","path":"{S}:active"},{"op":"replace","path":"{S}:manager","value":"N"}]`, `{"manager":"N"}`),
	inShop("unlisted: what it knows not at the attribute of the extension", `{"lines":{"a":1}}`,
		`[{"op":"replace","path":"{S}","value":{"Lines":{"b":2}}},{"op":"add","path":"{S}","value":{}}]`,
		`{"lines":{"a":1,"b":2}}`),
	inShop("unlisted: the extension by null", `{"badge":"7"}`, `[{"op":"replace","value":{"{S}":null}}]`, ""),
	refusedInShop("unlisted: a text for the extension", `{"badge":"7"}`, `[{"op":"replace","path":"{S}","value":"x"}]`,
		typeInvalidValue),
	{name: "unlisted: extensions of other names", ops: `[{"op":"add","value":{"urn:acme:hr":{"badge":"1"},` +
		`"urn:acme:hr:badge":"2"}},{"op":"add","path":"urn:acme:custom:1.0:desk","value":{"a":1}},
			{"op":"add","path":"urn:acme:lab","value":{"desk":"d"}},{"op":"add","path":"urn:acme:lab:room:shelf",` +
		`"value":{"a":1}}]`,
		after: `{"urn:acme:hr":{"badge":"2"},"urn:acme:custom:1.0":{"desk":{"a":1}},"urn:acme:lab":{"desk":"d"},` +
			`"urn:acme:lab:room":{"shelf":{"a":1}}}`},
}

// textRules: elements that are written as texts of JSON.
var textRules = []rule{
	{name: "JSON text: an element",
		ops: `[{"op":"add","path":"phoneNumbers","value":"{\"Value\":15,\"type\":\"work\",` +
			`\"x\":1}"},{"op":"add","path":"photos","value":["{\"value\":\"p\"}","q"]},
			{"op":"replace","value":{"addresses":["{\"type\":\"work\",\"locality\":\"Bonn\"}"],
				"ims":"[{\"value\":\"a\"},` +
			`\"b\"]","roles":["[{\"value\":\"r\"}]"],"x509Certificates":" {\"value\":\"QQ==\"}"}}]`,
		after: `{"phoneNumbers":[{"value":"15","type":"work"}],"photos":[{"value":"p"},{"value":"q"}],` +
			`"addresses":[{"type":"work","locality":"Bonn"}],
			"ims":[{"value":"a"},{"value":"b"}],"roles":[{"value":"r"}],"x509Certificates":[{"value":"QQ=="}]}`},
	{name: "JSON text: manager and name", ops: `[{"op":"add","path":"manager","value":"{\"value\":\"M\"}"},` +
		`{"op":"replace","path":"name","value":"{\"givenName\":\"G\"}"},
			{"op":"add","value":{"` + enterpriseURN + `":{"manager":"[{\"managerId\":\"N\"}]"}}}]`,
		after: `{` + ent + `:{"manager":{"value":"N"}},"name":{"givenName":"G"}}`},
	{name: "JSON text: for what a path selects", before: `{"emails":[{"value":"a","type":"work"},{"value":"h",` +
		`"type":"home"}]}`,
		ops: `[{"op":"replace","path":"emails[value eq \"a\"]","value":"{\n \"type\" : \"work\",\n \"primary\" : ` +
			`true,` +
			`\n \"value\" : \"b\"\n}"}]`,
		after: `{"emails":[{"value":"b","type":"work","primary":true},{"value":"h","type":"home"}]}`},
	{name: "JSON text: removals", before: `{"emails":[{"value":"a"},{"value":"b"}]}`,
		ops: `[{"op":"remove","path":"emails","value":"{\"value\":\"A\"}"}]`, after: `{"emails":[{"value":"b"}]}`},
	{name: "JSON text: no value", before: `{"emails":[{"value":"a"}]}`,
		ops:   `[{"op":"add","path":"emails","value":["{}","[]"]},{"op":"add","path":"roles","value":"[null]"}]`,
		after: `{"emails":[{"value":"a"}]}`},
	{name: "JSON text: a value that is meant as it is",
		ops: `[{"op":"add","path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"Admin\"}"}]},{"op":"add",` +
			`"path":"title","value":"[x]"}]`,
		after: `{"roles":[{"value":"{\"id\":\"1\",\"value\":\"Admin\"}"}],"title":"[x]"}`},
	{name: "JSON text: of another kind", ops: `[{"op":"add","path":"emails","value":"{\"colour\":\"red\"}"}]`,
		refuse: typeInvalidValue},
	{name: "JSON text: that ends too early", ops: `[{"op":"add","path":"emails","value":["a","{\"value\":\"b\""]}]`,
		refuse: typeInvalidValue},
	{name: "JSON text: that goes on", ops: `[{"op":"add","path":"emails","value":"{\"value\":\"b\"} x"}]`,
		refuse: typeInvalidValue},
	{name: "JSON text: of no JSON", ops: `[{"op":"add","path":"emails","value":"[object Object]"}]`,
		refuse: typeInvalidValue},
	{name: "JSON text: with a NUL", ops: `[{"op":"add","path":"emails","value":"{\"value\":\"a\\u0000\"}"}]`,
		refuse: typeInvalidValue},
	{name: "JSON text: in a JSON text",
		ops: `[{"op":"add","path":"emails","value":"[\"{\\\"value\\\":\\\"a\\\"}\"]"}]`, refuse: typeInvalidValue},
	{name: "JSON text: without an end", ops: `[{"op":"add","path":"emails","value":"` + strings.Repeat("[",
		5000) + `"}]`, refuse: typeInvalidValue},
	{name: "JSON text: two for one", ops: `[{"op":"add","path":"name","value":"[{\"givenName\":\"a\"},` +
		`{\"givenName\":\"b\"}]"}]`, refuse: typeInvalidValue},
}
