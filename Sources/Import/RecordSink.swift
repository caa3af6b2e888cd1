/// Where records go: a log, or a test's array.
package protocol RecordSink {
    /// Takes one record, its newline included.
    mutating func append(_ line: [UInt8]) throws(ImportError)
    /// Makes all that was taken durable.
    mutating func finish() throws(ImportError)
}
