import Storage

/// Where a training stands, besides its weights and moments.
struct TrainingState: Sendable, Equatable {
    /// The epoch that is running, and batches of it that are done.
    var epoch = 0
    var batch = 0
    /// Optimiser steps taken.
    var step = 0
    /// `[terms]` over this epoch's batches so far.
    var sums: [Double]
    var counts: [Double]
    var reports: [EpochReport] = []
    /// The epoch with the least validation loss so far, and that loss.
    var bestEpoch: Int?
    var bestLoss = Double.infinity
    /// Whether early stopping has ended the training.
    var isStopped = false

    init(termCount: Int) {
        sums = Array(repeating: 0, count: termCount)
        counts = sums
    }

    /// The state as bytes, every number bit for bit.
    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        for value in [epoch, batch, step, sums.count] { writer.put(UInt64(value)) }
        for value in sums + counts { writer.put(value) }
        writer.put(optional: bestEpoch.map(Int64.init))
        writer.put(bestLoss)
        writer.put(byte: isStopped ? 1 : 0)
        writer.put(UInt64(reports.count))
        for report in reports {
            for values in [report.training, report.validation] {
                writer.put(UInt64(values.count))
                for value in values { writer.put(value) }
            }
        }
        return writer.bytes
    }

    /// Reads what `encoded` made.
    init(decoding bytes: [UInt8]) throws(ByteReader.Failure) {
        var reader = ByteReader(bytes)
        func place(_ reader: inout ByteReader) throws(ByteReader.Failure) -> Int {
            let value = try reader.unsigned()
            guard let place = Int(exactly: value) else {
                throw .malformed(at: reader.index, what: "a place of \(value)")
            }
            return place
        }
        func numbers(
            _ reader: inout ByteReader, _ count: Int
        ) throws(ByteReader.Failure) -> [Double] {
            var values: [Double] = []
            for _ in 0..<count { values.append(try reader.double()) }
            return values
        }
        epoch = try place(&reader)
        batch = try place(&reader)
        step = try place(&reader)
        let termCount = try reader.count(ofAtLeast: 16)
        sums = try numbers(&reader, termCount)
        counts = try numbers(&reader, termCount)
        bestEpoch = try reader.optionalSigned().map(Int.init)
        bestLoss = try reader.double()
        isStopped = try reader.byte() == 1
        for _ in 0..<(try reader.count(ofAtLeast: 2)) {
            let training = try numbers(&reader, try reader.count(ofAtLeast: 8))
            let validation = try numbers(&reader, try reader.count(ofAtLeast: 8))
            reports.append(EpochReport(training: training, validation: validation))
        }
        guard reader.isAtEnd else {
            throw .malformed(at: reader.index, what: "more than a training's state")
        }
    }
}
