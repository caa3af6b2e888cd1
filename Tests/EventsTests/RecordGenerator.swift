import Events
import Storage

/// Makes records of every kind and form: mostly right, some with one thing wrong.
struct RecordGenerator {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed, stream: 7) }

    mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }

    /// A record of the writer's form, or one with fields in any order, spaces and odd values.
    mutating func record() -> [UInt8] {
        if below(3) == 0 { return canonical() }
        var members = [
            (#""client_id""#, id()), (#""timestamp""#, time()), (#""event_type""#, type()),
            (#""sku""#, id()), (#""url""#, id()), (#""query""#, vector()),
        ]
        if below(2) == 0 { members.append((#""category""#, id())) }
        if below(2) == 0 {
            members.append((#""price""#, pick(["0", "99", "100", "7", "-1", "null"])))
        }
        if below(2) == 0 { members.append((#""name""#, vector())) }
        if below(3) == 0 { members.append((#""event_id""#, eventID())) }
        while below(3) == 0 { members.append((#""x\#(members.count)""#, value(depth: 0))) }
        if below(6) == 0 { members.remove(at: below(members.count)) }
        if below(8) == 0 { members[0].0 = #""\u0063lient_id""# }
        for index in members.indices.reversed() { members.swapAt(index, below(index + 1)) }
        let body = members.map { "\(space())\($0.0)\(space()):\(space())\($0.1)\(space())" }
        return Array("\(space()){\(body.joined(separator: ","))}\(space())".utf8)
    }

    /// One byte changed, removed or inserted; or the record cut off.
    mutating func mutated(_ record: [UInt8]) -> [UInt8] {
        var bytes = record
        for _ in 0...below(2) where !bytes.isEmpty {
            let place = below(bytes.count)
            let likely = Array("0123456789-+.eE\"\\{}[],: \tnulltrfas/u".utf8)
            let byte = below(4) == 0 ? UInt8(below(256)) : pick(likely)
            switch below(8) {
            case 0: bytes.remove(at: place)
            case 1: bytes.insert(byte, at: place)
            case 2: bytes.removeSubrange(place...)
            default: bytes[place] = byte
            }
        }
        return bytes
    }

    private mutating func canonical() -> [UInt8] {
        var line: [UInt8] = []
        let kind = pick(EventKind.allCases)
        let query = below(4) == 0 ? nil : TextVector(low: random.next(), high: random.next())
        RecordWriter.append(
            Event(
                user: UserID(rawValue: integer()), seconds: Int64(below(4_000_000_000)),
                kind: kind, key: integer(), query: kind == .searchQuery ? query : nil),
            to: &line)
        line.removeLast()
        return line
    }

    private mutating func integer() -> Int64 {
        Int64(bitPattern: random.next()) >> Int64(below(64))
    }

    private mutating func space() -> String { pick(["", "", "", " ", "\t ", "  "]) }

    private mutating func id() -> String {
        switch below(16) {
        case 0:
            pick(["1.0", "1e3", "true", "[]", "{}", #""""#, #""07""#, #""+1""#, #""-0""#, "-0"])
        case 1: pick(["9223372036854775807", "9223372036854775808", "-9223372036854775808"])
        case 2: pick(["-9223372036854775809", "99999999999999999999", #""9223372036854775808""#])
        case 3: pick(["null", #""-9223372036854775808""#, #""\u0031\u0032""#, "12345678", "0"])
        case 4, 5: "\"\(integer())\""
        default: "\(integer())"
        }
    }

    private mutating func time() -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch below(8) {
        case 0: return pick(["-1", "4102444799", "4102444800", "null", "1.5", #""x""#, "\"\""])
        case 1, 2:
            let day = "\(1969 + below(132))-\(two(below(14)))-\(two(below(33)))"
            return "\"\(day) \(two(below(25))):\(two(below(61))):\(two(below(61)))\""
        case 3: return "\"\(1970 + below(130))-02-\(two(27 + below(4))) 23:59:59\""
        default: return "\(below(4_000_000_000))"
        }
    }

    private mutating func type() -> String {
        let types = EventKind.allCases.map(\.name) + ["product_update"]
        return below(20) == 0
            ? pick([#""page_visi""#, "null", "3", #""add_to_carts""#, #""p\u0061ge_visit""#])
            : "\"\(pick(types))\""
    }

    private mutating func vector() -> String {
        let count = below(12) == 0 ? below(20) : 16
        let high = below(12) == 0 ? 300 : 256
        let numbers = (0..<count).map { _ in "\(below(high))" }
        return switch below(12) {
        case 0: pick(["null", "[]", #""[]""#, "5", #""[1 2""#, "[1,[2]]", "[null]", "[1.5]"])
        case 1: "\"[\(numbers.joined(separator: " "))]\""
        case 2: "\" [ \(numbers.joined(separator: ", "))\\n]\""
        case 3: "[ \(numbers.joined(separator: " , ")) ]"
        default: "[\(numbers.joined(separator: ","))]"
        }
    }

    private mutating func eventID() -> String {
        pick([
            "\"a\(random.next())\"", "\(integer())", "null", #""\ud83d\ude00 é""#, "1.5", "[]",
            "\"" + String(repeating: "é", count: 31 + below(3)) + "\"",
        ])
    }

    private mutating func value(depth: Int) -> String {
        switch below(depth > 4 ? 6 : 8) {
        case 0: return "null"
        case 1: return "true"
        case 2: return pick(["0", "-1.5e+10", "1E5", "123456789012345678901234567890", "0.25"])
        case 3:
            return pick([
                #""""#, #""a\"b\\\/\b\f\n\r\t""#, #""\u00e9""#, "\"ünï\"", "\"\u{10FFFF}\"",
            ])
        case 4: return "[]"
        case 5: return "{ }"
        case 6: return "[\(value(depth: depth + 1)), \(value(depth: depth + 1))]"
        default: return "{\"a\" :\(value(depth: depth + 1)),\"b\":\(value(depth: depth + 1))}"
        }
    }
}
