// Table of contents: every operation that C++ users call by name. Its definition, derivative,
// documentation and kernel stand together in ops/<family>/.
#pragma once

#include "wengert/ops/attention/attention.h"
#include "wengert/ops/basic.h"
#include "wengert/ops/conv/conv.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/embedding/embedding.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/matmul/matmul.h"
#include "wengert/ops/norm/norm.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pool/pool.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/reduce/reduce.h"
#include "wengert/ops/registry.h"
#include "wengert/ops/resample/resample.h"
#include "wengert/ops/rnn/rnn.h"
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/special/special.h"
