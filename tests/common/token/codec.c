#include "unit.h"

CU_TestInfo token_codec_tests[] = {
	CU_TEST_INFO_NULL,
};
