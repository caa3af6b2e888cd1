#!/usr/bin/env bash
# The quality table: the rows of the paper's Table 1, our own parts, the baseline and the oracle.
#
#   scripts/quality.sh simulated|real
#
#   SIZE        users of the simulated shop; default 100000
#   DAYS        its days; default 141
#   EPOCHS      epochs of every network; default: the published numbers
#   QUICK=1     `ubpd evaluate --quick`: one epoch, few factors
#   SEEDS       seeds of the training; default "1 2 3"
#   QUALITY_DIR where to work, kept; default: a new temporary directory, removed at the end
#   UBPD_DATA   the real table; default ../shared/data/online_retail.csv.lz4
#   UBPD_BIN    directory of ubpd; default .build/release
#   EXTRA       further flags of `ubpd evaluate`, such as "--published"
#
# A report of a seed that is there already, in QUALITY_DIR, is not made again. Markdown goes to
# standard output, progress to standard error.
set -euo pipefail

cd "$(dirname "$0")/.."
KIND=${1:-}
[[ $KIND == simulated || $KIND == real ]] || {
    sed -n '2,4p' "$0" >&2
    exit 64
}
UBPD=$(realpath "${UBPD_BIN:-.build/release}")/ubpd
[[ -x $UBPD ]] || { echo "quality: no $UBPD; build it first: make programs" >&2; exit 69; }
if [[ -n ${QUALITY_DIR:-} ]]; then
    mkdir -p "$QUALITY_DIR"
    WORK=$(realpath "$QUALITY_DIR")
else
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/ubpd-quality.XXXXXX")
    trap 'rm -rf "$WORK"' EXIT
fi

FLAGS=()
if [[ $KIND == simulated ]]; then
    SHOP=$WORK/shop
    if [[ ! -f $SHOP/truth/manifest.json ]]; then
        "$UBPD" simulate --users "${SIZE:-100000}" --days "${DAYS:-141}" --seed 1 --out "$SHOP" --replace >&2
    fi
    LOG=$SHOP/log
    FLAGS+=(--truth "$SHOP/truth")
else
    DATA=${UBPD_DATA:-../shared/data/online_retail.csv.lz4}
    [[ -f $DATA ]] || { echo "quality: no real shop data at $DATA; set UBPD_DATA" >&2; exit 66; }
    LOG=$WORK/log
    if [[ ! -f $WORK/imported ]]; then
        rm -rf "$LOG"
        "$UBPD" import --format csv --in "$DATA" --map cancellation=remove_from_cart \
            --text-vectors hash --log-dir "$LOG" >&2
        touch "$WORK/imported"
    fi
fi
if [[ -n ${EPOCHS:-} ]]; then
    for name in sra fip mtl mtl_propensity mtl_churn esa; do
        FLAGS+=(--set "train.epochs.$name=$EPOCHS")
    done
    FLAGS+=(--set "bpr.item_epochs=$EPOCHS" --set "bpr.category_epochs=$EPOCHS")
fi
[[ ${QUICK:-0} != 1 ]] || FLAGS+=(--quick)

GRU=sra,mtl,mtl-propensity,fip
ROWS="SRA=first:sra;FIP=first:fip;MTL=first:mtl;SRA + MTL=first:sra,mtl"
ROWS+=";SRA + MTL, regularised=sra,mtl;+ MTL Propensity=sra,mtl,mtl-propensity;GRU models=$GRU"
ROWS+=";+ BPR category=$GRU,bpr-category;+ BPR sku=$GRU,bpr-category,bpr-sku"
ROWS+=";hybrid (+ MTL Churn)=hybrid;+ ESA=$GRU,bpr-category,bpr-sku,mtl-churn,esa"
ROWS+=";+ stats=profile;baseline"
[[ $KIND == real ]] || ROWS+=";oracle"

REPORTS=()
for seed in ${SEEDS:-1 2 3}; do
    REPORT=$WORK/$KIND-$seed.json
    if [[ ! -s $REPORT ]]; then
        # shellcheck disable=SC2086 # EXTRA is several words.
        "$UBPD" evaluate --log-dir "$LOG" --state-dir "$WORK/state-$seed" --seed "$seed" \
            --two-spaces --rows "$ROWS" --json "${FLAGS[@]}" ${EXTRA:-} >"$REPORT.part"
        mv "$REPORT.part" "$REPORT"
    fi
    REPORTS+=("$REPORT")
done
python3 scripts/quality_table.py "${REPORTS[@]}"
