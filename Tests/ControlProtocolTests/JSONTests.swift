import ControlProtocol
import Storage
import Testing
import TestSupport

@Suite struct JSONTests {
    @Test func `keeps 64-bit integers exact and the order of members`() throws {
        let text = #"{"z":9223372036854775807,"a":-9223372036854775808,"m":9007199254740993}"#
        let value = try JSONParser.parse(Array(text.utf8))
        #expect(value["z"] == .int(.max) && value["a"] == .int(.min))
        #expect(String(decoding: value.encoded, as: UTF8.self) == text)
    }

    @Test func `takes numbers beyond 64 bits as doubles and keeps the sign of zero`() throws {
        #expect(try parse("9223372036854775808") == .double(9.223372036854775808e18))
        #expect(try parse("-0") == .double(-0.0))
        #expect(String(decoding: try parse("-0").encoded, as: UTF8.self) == "-0.0")
        #expect(try parse("1e2") == .double(100))
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{'a':1}", "01", "-",
        "1.", ".5", "+1", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "1e999", "tru",
        "nulll", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
        "\"\u{1}\"", "[1 2]", "1 2", "{\"a\":1,\"a\":2}", "/*x*/1", "\u{feff}1", "[1]]",
    ])
    func `refuses what is not JSON`(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func `refuses bytes that are not UTF-8`() {
        for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] {
            let text = [UInt8(ascii: "\"")] + bytes.map { UInt8($0) } + [UInt8(ascii: "\"")]
            #expect(throws: JSONError.badString(position: 1, reason: "not UTF-8")) {
                try JSONParser.parse(text)
            }
        }
    }

    @Test func `bounds depth and bytes`() throws {
        let deep = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(throws: Never.self) { try parse(deep) }
        #expect(throws: JSONError.tooDeep(position: 32, limit: 32)) { try parse("[\(deep)]") }
        #expect(throws: JSONError.tooDeep(position: 32, limit: 32)) {
            try parse(String(repeating: "[", count: 100_000))
        }
        #expect(throws: JSONError.tooLong(byteCount: 7, limit: 6)) {
            try JSONParser.parse(Array("1234567".utf8), byteLimit: 6)
        }
    }

    @Test func `encodes what it parses to the same value`() throws {
        var random = SeededRandom(seed: 7, stream: 0)
        for _ in 0..<2000 {
            let value = randomValue(&random, depth: 4)
            #expect(try JSONParser.parse(value.encoded) == value)
            #expect(try JSONParser.parse(Array(value.indented.utf8)) == value)
            #expect(!value.encoded.contains(0x0A))
        }
    }

    @Test func `writes numbers JSON has no word for as null`() {
        let value = JSONValue.array([.double(.nan), .double(.infinity), .floats([.nan, 1.5, 0])])
        #expect(String(decoding: value.encoded, as: UTF8.self) == "[null,null,[null,1.5,0]]")
    }

    /// Python's json module, made as strict as RFC 8259 allows, judges 6000 mangled texts.
    @Test func `agrees with Python on what is JSON`() async throws {
        var random = SeededRandom(seed: 11, stream: 1)
        var texts: [String] = []
        for _ in 0..<6000 {
            var bytes = randomValue(&random, depth: 3).encoded
            for _ in 0..<random.next() % 3 { mangle(&bytes, &random) }
            guard let text = String(validating: bytes, as: UTF8.self) else { continue }
            texts.append(text)
        }
        let input = JSONValue.array(texts.map(JSONValue.string)).encoded
        let verdict = try await Child.python(
            """
            import json, sys, math
            def pairs(p):
                if len(dict(p)) != len(p): raise ValueError
                return dict(p)
            def number(t):
                f = float(t)
                if math.isinf(f): raise ValueError
                return f
            def bad(t): raise ValueError
            def good(t):
                try:
                    v = json.loads(t, object_pairs_hook=pairs, parse_float=number, parse_constant=bad)
                    json.dumps(v, ensure_ascii=False).encode("utf-8")
                    return "1"
                except ValueError: return "0"
            print("".join(good(t) for t in json.load(sys.stdin)))
            """, input: String(decoding: input, as: UTF8.self))
        let wanted = Array(verdict.output.utf8.prefix(texts.count))
        #expect(verdict.status == 0 && wanted.count == texts.count, "\(verdict.error)")
        var acceptedCount = 0
        for (text, want) in zip(texts, wanted) {
            let isTaken = (try? parse(text)) != nil
            acceptedCount += isTaken ? 1 : 0
            #expect(isTaken == (want == UInt8(ascii: "1")), "\(text)")
        }
        #expect(acceptedCount > 1000 && acceptedCount < texts.count - 1000)
    }

    /// numpy reads our decimals back to the same bits, and none has a shorter spelling there.
    @Test func `writes floats that numpy reads back bit for bit`() async throws {
        var random = SeededRandom(seed: 3, stream: 2)
        var floats: [Float] = [
            0, 1, -1, 0.1, .leastNonzeroMagnitude, 3.402_823_5e38, 16_777_216, 1e16, 1.5e-7,
        ]
        while floats.count < 20_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            if value.isFinite { floats.append(value) }
        }
        let bits = JSONValue.array(floats.map { .int(Int64($0.bitPattern)) })
        let input: JSONValue = ["bits": bits, "floats": .floats(floats)]
        let verdict = try await Child.python(
            """
            import json, sys, numpy as np
            d = json.load(sys.stdin, parse_float=str, parse_int=str)
            bits = np.array([int(b) for b in d["bits"]], np.uint32)
            ours = np.array([np.float32(t) for t in d["floats"]], np.float32)
            digits = lambda t: len(t.lower().split("e")[0].replace("-", "").replace(".", "").strip("0"))
            longer = sum(digits(t) > digits(np.format_float_scientific(f)) for t, f in zip(d["floats"], ours))
            print((ours.view(np.uint32) != bits).sum(), longer)
            """, input: String(decoding: input.encoded, as: UTF8.self))
        #expect(verdict.output == "0 0\n", "\(verdict.error)")
    }

    @Test func `speaks base64 as Python does`() async throws {
        var random = SeededRandom(seed: 5, stream: 3)
        let blobs = (0..<70).map { count in (0..<count).map { _ in UInt8(random.next() & 255) } }
        let lists = JSONValue.array(blobs.map { .array($0.map { .int(Int64($0)) }) })
        let theirs = try await Child.python(
            """
            import json, sys, base64
            for b in json.load(sys.stdin): print(base64.b64encode(bytes(b)).decode())
            """, input: String(decoding: lists.encoded, as: UTF8.self))
        let ours = blobs.map { Base64.text(of: $0) + "\n" }.joined()
        #expect(theirs.output == ours)
        for blob in blobs { #expect(Base64.bytes(of: Base64.text(of: blob)) == blob) }
        for text in ["A", "AB", "ABC", "A===", "AB=C", "AB==CD==", "A*==", "AB\n="] {
            #expect(Base64.bytes(of: text) == nil, "\(text)")
        }
    }
}

private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

/// Any value; objects have distinct names, numbers are finite.
func randomValue(_ random: inout SeededRandom, depth: Int) -> JSONValue {
    let texts = ["", "a", "ä", "\"", "\\", "\n\t\u{1}", "𝄞", "\u{2028}", "e\u{301}", "/", "\u{7f}"]
    switch random.next() % (depth > 0 ? 8 : 6) {
    case 0: return .null
    case 1: return .bool(random.next() % 2 == 0)
    case 2: return .int(Int64(bitPattern: random.next() >> (random.next() % 64)))
    case 3, 4:
        let value = Double(bitPattern: random.next())
        return value.isFinite ? .double(value) : .double(0.25)
    case 5: return .string(texts[Int(random.next() % UInt64(texts.count))])
    case 6:
        return .array((0..<random.next() % 4).map { _ in randomValue(&random, depth: depth - 1) })
    default:
        return .object(
            (0..<random.next() % 4).map {
                .init("\($0)" + texts[Int($0)], randomValue(&random, depth: depth - 1))
            })
    }
}

/// Removes, doubles or replaces a byte.
private func mangle(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard !bytes.isEmpty else { return }
    let index = Int(random.next() % UInt64(bytes.count))
    let alphabet = Array("{}[]\",:\\0123456789.eE+-truefalsn \t/u".utf8)
    switch random.next() % 3 {
    case 0: bytes.remove(at: index)
    case 1: bytes.insert(bytes[index], at: index)
    default: bytes[index] = alphabet[Int(random.next() % UInt64(alphabet.count))]
    }
}
