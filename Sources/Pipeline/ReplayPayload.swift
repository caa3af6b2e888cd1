import EventLog
import Events
import Storage

/// What a replay gives to the fold: a record's bytes, and the event times that were allowed when
/// it was accepted, so that a later change of the configuration does not reach back to it.
struct ReplayPayload: Sendable, Equatable {
    private static let version: UInt8 = 1

    var earliestSeconds: Int64
    var latestSeconds: Int64
    var bytes: [UInt8]

    init(earliestSeconds: Int64, latestSeconds: Int64, bytes: [UInt8]) {
        self.earliestSeconds = earliestSeconds
        self.latestSeconds = latestSeconds
        self.bytes = bytes
    }

    /// Reads a payload; nil when it is none.
    init?(encoded: [UInt8]) {
        do throws(ByteReader.Failure) {
            var input = ByteReader(encoded)
            guard try input.byte() == Self.version else { return nil }
            let (earliest, latest) = (try input.signed(), try input.signed())
            let count = try input.count(ofAtLeast: 1)
            guard earliest <= latest, count <= encoded.count else { return nil }
            self.init(
                earliestSeconds: earliest, latestSeconds: latest,
                bytes: Array(encoded.suffix(count)))
        } catch {
            return nil
        }
    }

    /// The payload as it is stored.
    var encoded: [UInt8] {
        var out = ByteWriter()
        out.put(byte: Self.version)
        out.put(earliestSeconds)
        out.put(latestSeconds)
        out.put(UInt64(bytes.count))
        return out.bytes + bytes
    }

    /// The record, and how many of its fields are not known.
    func parse() throws(RecordError) -> (record: Record, unknownFieldCount: Int) {
        let parser = RecordParser(earliest: earliestSeconds, latest: latestSeconds)
        var unknownFieldCount = 0
        let record = try parser.parse(bytes.span, unknownFieldCount: &unknownFieldCount)
        return (record, unknownFieldCount)
    }
}
